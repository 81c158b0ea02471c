package conformance

import (
	"encoding/json"
	"strings"
)

// Member is one member of a JSON object: a name and a raw value.
type Member struct{ Name, Raw string }

// Event is a canonical event to be written as JSON. Empty attributes are left
// out, except the type, which is then defaultType.
type Event struct {
	ID, Source, Type, Tenant, Cloud, Key, Time, Ingest string
	Top, Data                                          []Member
}

// JSON writes the event, members in the order of the struct, data last.
func (e Event) JSON() []byte {
	if e.Type == "" {
		e.Type = defaultType
	}
	members := []Member{{"specversion", `"1.0"`}}
	for _, m := range []Member{{"id", e.ID}, {"source", e.Source}, {"type", e.Type}, {"tenant", e.Tenant}, {"cloud", e.Cloud},
		{"correlationid", e.Key}, {"time", e.Time}, {"ingesttime", e.Ingest}} {
		if m.Raw != "" {
			members = append(members, Member{m.Name, quoted(m.Raw)})
		}
	}
	members = append(members, e.Top...)
	return []byte(object(append(members, Member{"data", object(e.Data)})))
}

func object(members []Member) string {
	parts := make([]string, len(members))
	for i, m := range members {
		parts[i] = quoted(m.Name) + ":" + m.Raw
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic("conformance: quoting a string: " + err.Error())
	}
	return string(b)
}
