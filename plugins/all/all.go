// Package all is the one place where the components of the distribution are
// imported for their side effect: registering themselves with Redpanda Connect.
//
// Components are imported one by one. The umbrella packages (all, community,
// sql) are never imported: they bring in every vendor's driver.
package all

import (
	// Redpanda Connect's own components.
	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure/extended"
	_ "github.com/redpanda-data/connect/v4/public/components/amqp1"
	_ "github.com/redpanda-data/connect/v4/public/components/aws"
	_ "github.com/redpanda-data/connect/v4/public/components/azure"
	_ "github.com/redpanda-data/connect/v4/public/components/confluent"
	_ "github.com/redpanda-data/connect/v4/public/components/gcp"
	_ "github.com/redpanda-data/connect/v4/public/components/kafka"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"
	_ "github.com/redpanda-data/connect/v4/public/components/redis"

	// Helios's own.
	_ "github.com/helios-connect/helios/plugins/canonical"
	_ "github.com/helios-connect/helios/plugins/choice"
	_ "github.com/helios-connect/helios/plugins/dedupe"
	_ "github.com/helios-connect/helios/plugins/files"
	_ "github.com/helios-connect/helios/plugins/reconcile"
	_ "github.com/helios-connect/helios/plugins/schema"
	_ "github.com/helios-connect/helios/plugins/simulator"
	_ "github.com/helios-connect/helios/plugins/store"
	_ "github.com/helios-connect/helios/plugins/tracing"
	_ "github.com/helios-connect/helios/plugins/webhook"
)
