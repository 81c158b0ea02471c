package terminal

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNothingATerminalObeysIsPrinted(t *testing.T) {
	require.Equal(t, `a\x1b[2J\r\n\u202e\xff\u009b "ü"`, Printable("a\x1b[2J\r\n\u202e\xff\u009b \"ü\""))
}
