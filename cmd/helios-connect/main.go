// Command helios-connect is Redpanda Connect with Helios's plugins: it takes
// the events of several clouds in, decides for each business fact whether the
// clouds agree, and says what differs.
package main

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/helios-connect/helios/plugins/all"
)

func main() {
	service.RunCLI(context.Background(),
		service.CLIOptSetBinaryName("helios-connect"),
		service.CLIOptSetProductName("Helios"),
	)
}
