package schema

import (
	"regexp"
	"strconv"
)

// versionForms are how producers name a version in dataschema, which is a URI
// (CloudEvents 1.0): by the registry's own address, by a query, or at its end.
var versionForms = []*regexp.Regexp{
	regexp.MustCompile(`/subjects/[^/?#]+/versions/([0-9]{1,6})(?:[/?#]|$)`),
	regexp.MustCompile(`[?&;]version=([0-9]{1,6})(?:[&;#]|$)`),
	regexp.MustCompile(`^urn:.*[:.]v?([0-9]{1,6})$`),
	regexp.MustCompile(`^[a-z]+://[^/]+/.*[/.]v?([0-9]{1,6})(?:\.json|\.avsc|\.proto)?$`),
}

// VersionOf returns the version that a dataschema names, or 0 when it names none.
func VersionOf(dataschema string) int {
	for _, form := range versionForms {
		if m := form.FindStringSubmatch(dataschema); m != nil {
			n, err := strconv.Atoi(m[1])
			if err == nil {
				return n
			}
		}
	}
	return 0
}
