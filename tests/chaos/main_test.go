//go:build unix

package chaos

import (
	"testing"

	"github.com/helios-connect/helios/tests/program"
)

var binary string // the real helios-connect

func TestMain(m *testing.M) { program.Main(m, &binary) }
