package event

import "strings"

// TraceParent is a W3C trace context as a header or an attribute carries it
// (https://www.w3.org/TR/trace-context/#traceparent-header-field-values).
type TraceParent struct {
	TraceID [16]byte
	SpanID  [8]byte
	// Sampled says that the producer records the trace.
	Sampled bool
}

// traceParentLength is that of version 00.
const traceParentLength = len("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")

// ParseTraceParent reads a traceparent. What else comes in its place is none,
// from whomever, and no error. It allocates nothing.
func ParseTraceParent[T string | []byte](text T) (p TraceParent, ok bool) {
	// Later versions may be longer, and what they add begins with a dash.
	if len(text) < traceParentLength || len(text) > 256 || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return p, false
	}
	var version, flags [1]byte
	if !unhex(version[:], text[:2]) || version[0] == 0xff || !unhex(p.TraceID[:], text[3:35]) ||
		!unhex(p.SpanID[:], text[36:52]) || !unhex(flags[:], text[53:55]) {
		return TraceParent{}, false
	}
	if len(text) > traceParentLength && (version[0] == 0 || text[traceParentLength] != '-') {
		return TraceParent{}, false
	}
	p.Sampled = flags[0]&1 != 0
	return p, p.TraceID != [16]byte{} && p.SpanID != [8]byte{}
}

// unhex decodes small letters only, as the specification demands.
func unhex[T string | []byte](dst []byte, text T) bool {
	for i := range dst {
		high, low := digits[text[2*i]], digits[text[2*i+1]]
		if high|low > 15 {
			return false
		}
		dst[i] = high<<4 | low
	}
	return true
}

// digits are the values of hexadecimal digits; 0xff is none.
var digits = func() (table [256]byte) {
	for i := range table {
		table[i] = 0xff
	}
	for i, c := range "0123456789abcdef" {
		table[c] = byte(i)
	}
	return table
}()

// TraceParentFromXRay turns the trace header of AWS X-Ray into a W3C traceparent, or
// returns "". Without a Parent there is no span to be the child of
// (https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
func TraceParentFromXRay(header string) string {
	var root, parent string
	flags := "00"
	if len(header) > 512 {
		return ""
	}
	for part := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Root":
			root = value
		case "Parent":
			parent = value
		case "Sampled":
			if value == "1" {
				flags = "01"
			}
		}
	}
	// 1-5759e988-bd862e3fe1be46a994272793: the version, the time, the rest.
	if len(root) != 35 || root[:2] != "1-" || root[10] != '-' || len(parent) != 16 {
		return ""
	}
	text := "00-" + root[2:10] + root[11:] + "-" + parent + "-" + flags
	if _, ok := ParseTraceParent(text); !ok {
		return ""
	}
	return text
}
