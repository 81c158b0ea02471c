package schema

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
	"github.com/helios-connect/helios/plugins/schema/contract"
)

// write returns the event with what was found out about it.
func (j *Judge) write(o *Outcome, data []byte, decoded bool) []byte {
	if o.Status == Invalid && o.Mode != Tag {
		return o.Event
	}
	if !j.keep {
		j.buffer = j.buffer[:0]
	}
	start := len(j.buffer)
	dst := append(j.buffer, '{')
	for _, m := range j.members {
		switch string(m.Name) {
		case event.AttrSchema, event.AttrViolations, event.AttrData:
			continue
		case event.AttrDataForm:
			if decoded {
				continue
			}
		}
		dst = appendMember(dst, m)
	}
	dst = append(dst, `"`+event.AttrSchema+`":`...)
	dst = event.AppendQuoted(dst, j.name(o.Subject, o.Version))
	if o.Status == Invalid {
		dst = event.AppendQuoted(append(dst, `,"`+event.AttrViolations+`":`...), Violations(o.Failures))
	}
	dst = append(dst, `,"data":`...)
	dst = append(event.AppendOneLine(dst, data), '}')
	j.buffer = dst
	return dst[start:len(dst):len(dst)]
}

// name is SUBJECT/VERSION, made once.
func (j *Judge) name(subject string, version int) string {
	v := versionName{subject, version}
	name, ok := j.versions[v]
	if !ok {
		if len(j.versions) >= maxRoutes {
			clear(j.versions)
		}
		name = subject + "/" + strconv.Itoa(version)
		j.versions[v] = name
	}
	return name
}

type versionName struct {
	subject string
	version int
}

// tagged returns an event with the attribute heliosviolations before its data.
func tagged(doc []byte, violations string) []byte {
	var scanner event.Scanner
	members, _ := scanner.Open(doc, noPaths, nil, nil)
	dst := append(make([]byte, 0, len(doc)+64), '{')
	for _, m := range members {
		if name := string(m.Name); name != event.AttrViolations && name != event.AttrSchema {
			dst = appendMember(dst, m)
		}
	}
	dst = event.AppendQuoted(append(dst, `"`+event.AttrViolations+`":`...), violations)
	return append(dst, '}')
}

// appendMember writes a member and the comma behind it.
func appendMember(dst []byte, m event.Member) []byte {
	dst = append(event.AppendQuoted(dst, m.Name), ':')
	return append(append(dst, m.Value...), ',')
}

// Reasons for which an event is refused.
const (
	reasonBroken  = "contract"
	reasonNone    = "no_contract"
	reasonNoEvent = "unreadable"
)

// Becomes says what becomes of the event: changed is how it goes on, nil for as it
// came; a reason says that it is refused, and detail why. unregistered is for types
// without a contract.
func (o *Outcome) Becomes(unregistered Unregistered) (changed []byte, reason, detail string) {
	switch {
	case o.Status == Unreadable:
		return nil, reasonNoEvent, o.Err.Error()
	case o.Status == NoContract && unregistered == RejectUnregistered:
		return nil, reasonNone, fmt.Sprintf("no contract is registered for the type %.100q of tenant %.100q", o.Type, o.Tenant)
	case o.Status == NoContract && unregistered == TagUnregistered:
		return tagged(o.Event, reasonNone), "", ""
	case o.Status == NoContract, o.Status == Invalid && o.Mode == Observe:
		return nil, "", ""
	case o.Status == Invalid && o.Mode != Tag:
		return nil, reasonBroken, o.Explain()
	}
	return o.Event, "", ""
}

// maxNamed is how many failures are named one by one.
const maxNamed = 8

// Violations is the value of heliosviolations: rule and place of each failure.
func Violations(failures []contract.Failure) string {
	var b strings.Builder
	for i, f := range failures {
		if i == maxNamed {
			fmt.Fprintf(&b, "; %d more", len(failures)-maxNamed)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Rule)
		if f.Pointer != "" {
			b.WriteString(" " + f.Pointer)
		}
	}
	return b.String()
}

// Explain is one text for all failures of an event.
func (o *Outcome) Explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s version %d: ", o.Subject, o.Version)
	for i, f := range o.Failures {
		if i == maxNamed {
			fmt.Fprintf(&b, "; %d more", len(o.Failures)-maxNamed)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Text)
	}
	return b.String()
}
