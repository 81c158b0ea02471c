package terminal

import "fmt"

// Count writes a number and what is counted, which agrees with it: "1 event is",
// "2 events are".
func Count[N int | int32 | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
