package stack

import (
	"testing"

	"github.com/helios-connect/helios/tests/program"
)

// binary is the real helios-connect.
var binary string

func TestMain(m *testing.M) { program.Main(m, &binary) }
