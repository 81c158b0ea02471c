package convert

import "bytes"

// Participants that are found out.
const (
	cloudAWS   = "aws"
	cloudGCP   = "gcp"
	cloudAzure = "azure"
	// cloudUnknown is the participant of a CloudEvent that nothing tells about.
	cloudUnknown = "unknown"
)

// chooseCloud returns the participant as a raw JSON string: the configured one,
// else the one that the event names, else that of the envelopes it came in, else
// that of its producer.
func (c *Converter) chooseCloud(d *draft, o outer) []byte {
	switch {
	case d.ownCloud != nil:
		return d.ownCloud
	case c.cloud != "":
		return c.quote(c.cloud)
	case d.cloud != "":
		return c.quote(d.cloud)
	case o.cloud != "":
		return c.quote(o.cloud)
	}
	return c.quote(producerOf(d.source, d.kind))
}

// producers are the beginnings of the sources and types of the clouds' own
// services.
var producers = [...]struct{ prefix, cloud string }{
	{"aws.", cloudAWS}, {"aws:", cloudAWS}, {"arn:aws", cloudAWS}, {"com.amazonaws.", cloudAWS}, {"com.amazon.", cloudAWS},
	{"google.", cloudGCP}, {"com.google.", cloudGCP}, {"/projects/", cloudGCP}, {"projects/", cloudGCP},
	{"Microsoft.", cloudAzure}, {"/subscriptions/", cloudAzure}, {"/SUBSCRIPTIONS/", cloudAzure},
}

func producerOf(attributes ...[]byte) string {
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
