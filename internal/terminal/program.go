package terminal

import (
	"os"
	"path/filepath"
	"strings"
)

// Program is how this program was called, for commands that are printed to be pasted.
func Program() string {
	if strings.ContainsRune(os.Args[0], filepath.Separator) {
		return os.Args[0]
	}
	return "helios-connect"
}
