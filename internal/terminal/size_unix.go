//go:build unix

package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// Size returns the columns and rows of the terminal, zeros when they can't be known.
func Size(f *os.File) (columns, rows int) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return int(size.Col), int(size.Row)
}
