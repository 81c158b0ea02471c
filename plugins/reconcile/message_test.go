package reconcile

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

func TestAFlaggedEventSaysWhatWentWrongFirst(t *testing.T) {
	outcome := &engine.Outcome{Reason: engine.Unreadable, Err: errors.New("invalid JSON at byte 0")}
	m := service.NewMessage([]byte("x"))
	detail, _ := flaggedMessage(m, outcome).MetaGet(metaDetail)
	require.Equal(t, "invalid JSON at byte 0", detail)

	m.SetError(errors.New("aws.gz can't be read from line 7 on"))
	flagged := flaggedMessage(m, outcome)
	detail, _ = flagged.MetaGet(metaDetail)
	require.Equal(t, "aws.gz can't be read from line 7 on", detail)
	require.EqualError(t, flagged.GetError(), detail)
}
