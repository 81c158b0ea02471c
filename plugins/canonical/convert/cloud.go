package convert

import "bytes"

// Participants that are found out, as raw JSON strings.
var (
	cloudAWS   = []byte(`"aws"`)
	cloudGCP   = []byte(`"gcp"`)
	cloudAzure = []byte(`"azure"`)
	// cloudUnknown is the participant of a CloudEvent that nothing tells about.
	cloudUnknown = []byte(`"unknown"`)
)

// chooseCloud returns the participant as a raw JSON string: the configured one,
// else the one that the event names, else that of the envelopes it came in, else
// that of its producer.
func (c *Converter) chooseCloud(d *draft, o *outer) []byte {
	switch {
	case d.Cloud != nil:
		return d.Cloud
	case c.cloud != "":
		return c.cloudRaw
	case d.cloud != nil:
		return d.cloud
	case o.cloud != nil:
		return o.cloud
	}
	return producerOf(d.Source, d.Type)
}

// producers are the beginnings of the sources and types of the clouds' own
// services.
var producers = [...]struct {
	prefix string
	cloud  []byte
}{
	{"aws.", cloudAWS}, {"aws:", cloudAWS}, {"arn:aws", cloudAWS}, {"com.amazonaws.", cloudAWS}, {"com.amazon.", cloudAWS},
	{"google.", cloudGCP}, {"com.google.", cloudGCP}, {"/projects/", cloudGCP}, {"projects/", cloudGCP},
	{"Microsoft.", cloudAzure}, {"/subscriptions/", cloudAzure}, {"/SUBSCRIPTIONS/", cloudAzure},
}

func producerOf(attributes ...[]byte) []byte {
	for _, raw := range attributes {
		text := bytes.Trim(raw, `"`)
		for _, p := range producers {
			if bytes.HasPrefix(text, []byte(p.prefix)) {
				return p.cloud
			}
		}
		host, _, _ := bytes.Cut(bytes.TrimPrefix(text, []byte("//")), []byte("/"))
		if bytes.HasPrefix(text, []byte("//")) && bytes.HasSuffix(host, []byte(".googleapis.com")) {
			return cloudGCP
		}
	}
	return cloudUnknown
}
