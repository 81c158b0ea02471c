package reconcile

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// The engines of many partitions tell one after the other.
func TestAnUnseenFieldIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	tell := warnOfUnseen(service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(&out, nil))))
	for range 12 {
		tell("orders", "data.amuont", 1000)
	}
	tell("orders", "data.currnecy", 1000)
	require.Equal(t, 2, strings.Count(out.String(), "is the path right?"), out.String())
}
