package simulator

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Renderer writes events as the envelopes of their clouds. What it writes
// depends on its own fields and the event alone, so that an event which is
// delivered again has the same bytes. It is safe for concurrent use.
type Renderer struct {
	seed    uint64
	start   int64  // Unix nanoseconds
	run     string // part of the order numbers
	tenants []string
}

// NewRenderer returns the renderer of a run.
func NewRenderer(seed uint64, start time.Time, tenants []string) *Renderer {
	quoted := make([]string, len(tenants))
	for i, t := range tenants {
		quoted[i] = quote(t)
	}
	return &Renderer{
		seed:    mix64(seed) ^ uint64(start.UnixNano()),
		start:   start.UnixNano(),
		run:     strconv.FormatInt(start.UnixMilli(), 36),
		tenants: quoted,
	}
}

// source of the events: the system that publishes them.
const source = "com.example.shop"

// Times as the clouds write them: EventBridge in whole seconds, Pub/Sub's
// attributes as the publisher wrote them, Event Grid in ticks of 100 ns.
const (
	awsTime   = "2006-01-02T15:04:05Z"
	gcpTime   = "2006-01-02T15:04:05.000000000Z"
	azureTime = "2006-01-02T15:04:05.0000000Z"
)

// appendMessage appends the body of one native message: one event, or for Azure
// an array of all of them.
func (r *Renderer) appendMessage(dst []byte, events []delivery) []byte {
	begin := len(dst)
	switch events[0].cloud {
	case AWS:
		dst = r.appendAWS(dst, &events[0])
	case GCP:
		dst = r.appendPayload(dst, &events[0])
	default:
		dst = append(dst, '[')
		for i := range events {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = r.appendAzure(dst, &events[i])
		}
		dst = append(dst, ']')
	}
	if events[0].defect == truncated {
		cut := dst[begin : begin+(len(dst)-begin)*3/5]
		if events[0].cloud == Azure {
			// Event Grid takes and delivers nothing but arrays in JSON: there
			// the text of the event is what was cut.
			return append(dst[:begin], "["+quote(string(cut[1:]))+"]"...)
		}
		dst = dst[:begin+len(cut)]
	}
	return dst
}

// appendAWS writes the EventBridge envelope as it stands in the body of an SQS
// message.
func (r *Renderer) appendAWS(dst []byte, d *delivery) []byte {
	dst = append(dst, `{"version":"0","id":"`...)
	dst = r.appendID(dst, d)
	dst = append(dst, `","detail-type":"`...)
	dst = append(dst, factTypes[d.fact.typ].name...)
	dst = append(dst, `","source":"`+source+`","account":"123456789012","time":"`...)
	dst = r.appendTime(dst, d, awsTime)
	dst = append(dst, `","region":"eu-central-1","resources":[],"detail":`...)
	dst = r.appendPayload(dst, d)
	return append(dst, '}')
}

// appendAzure writes one event in the Event Grid schema.
func (r *Renderer) appendAzure(dst []byte, d *delivery) []byte {
	dst = append(dst, `{"id":"`...)
	dst = r.appendID(dst, d)
	dst = append(dst, `","topic":"/subscriptions/5f750a97-50d9-4e36-8081-c9ee4c0210d4/resourceGroups/shop/providers/Microsoft.EventGrid/topics/orders","subject":"`...)
	dst = r.appendKey(dst, d)
	dst = append(dst, `","eventType":"`...)
	dst = append(dst, factTypes[d.fact.typ].name...)
	dst = append(dst, `","eventTime":"`...)
	dst = r.appendTime(dst, d, azureTime)
	dst = append(dst, `","dataVersion":"1.0","metadataVersion":"1","data":`...)
	dst = r.appendPayload(dst, d)
	return append(dst, '}')
}

// attribute of a Pub/Sub message.
type attribute struct{ name, value string }

// attributes of a Pub/Sub message that carries a CloudEvent in binary mode
// (CloudEvents Google Cloud Pub/Sub protocol binding), and what the input
// gcp_pubsub adds to them. Its publish time is a number there.
func (r *Renderer) attributes(d *delivery) [9]attribute {
	id := string(r.appendID(nil, d))
	published := r.start + d.fact.at
	return [...]attribute{
		{"gcp_pubsub_message_id", strconv.FormatUint(mix64(r.seed^uint64(published))>>12, 10)},
		{"gcp_pubsub_publish_time_unix", strconv.FormatInt(published/int64(time.Second), 10)},
		{"ce-specversion", "1.0"},
		{"ce-id", id},
		{"ce-source", source},
		{"ce-type", factTypes[d.fact.typ].name},
		{"ce-time", string(r.appendTime(nil, d, gcpTime))},
		{"ce-subject", string(r.appendKey(nil, d))},
		{"content-type", "application/json"},
	}
}

// appendPayload writes the business data, spelled as this cloud spells it.
func (r *Renderer) appendPayload(dst []byte, d *delivery) []byte {
	f, o := d.fact, d.fact.order
	dst = append(dst, `{"order_id":"`...)
	dst = r.appendKey(dst, d)
	dst = append(dst, `","tenant":`...)
	dst = append(dst, r.tenants[o.tenant]...)
	dst = append(dst, `,"customer":{"id":"cus-`...)
	dst = appendPadded(dst, uint64(o.customer), 5)
	dst = append(dst, `"},"amount":`...)
	if d.defect == hugeExponent {
		dst = append(dst, "1e1001"...)
	} else {
		dst = appendAmount(dst, d.amount(), f.quoted.has(d.cloud))
	}
	dst = append(dst, `,"currency":"`...)
	if name := d.currency(); f.lower.has(d.cloud) {
		dst = append(dst, strings.ToLower(name)...)
	} else {
		dst = append(dst, name...)
	}
	dst = append(dst, `","status":"`...)
	dst = append(dst, d.status()...)
	dst = append(dst, `","items":[`...)
	for i := range int(o.count) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = d.appendItem(dst, (i+int(f.turned[d.cloud]))%int(o.count))
	}
	dst = append(dst, ']')
	if d.defect == tooDeep {
		dst = append(dst, `,"note":`...)
		dst = append(dst, strings.Repeat("[", nestingDepth)...)
		dst = append(dst, strings.Repeat("]", nestingDepth)...)
	}
	return append(dst, '}')
}

// alters reports whether this event says otherwise in the field.
func (d *delivery) alters(which field) bool {
	f := d.fact
	return f.altered && f.alteredField == which && f.alteredCloud == d.cloud &&
		(f.alteredCopy == everyCopy || f.alteredCopy == d.copy)
}

func (d *delivery) amount() int64 {
	cents := d.fact.order.cents
	if d.fact.rounded.has(d.cloud) {
		cents++
	}
	if d.alters(amount) {
		cents += 100 + int64(d.fact.alteredBy)
	}
	return cents
}

func (d *delivery) currency() string {
	i := int(d.fact.order.currency)
	if d.alters(currency) {
		i += 1 + int(d.fact.alteredBy)%(len(currencies)-1)
	}
	return currencies[i%len(currencies)]
}

func (d *delivery) status() string {
	if d.alters(status) {
		return "unknown"
	}
	return factTypes[d.fact.typ].status
}

func (d *delivery) appendItem(dst []byte, i int) []byte {
	it := d.fact.order.items[i]
	dst = append(dst, `{"sku":"SKU-`...)
	dst = appendPadded(dst, uint64(it.sku), 4)
	dst = append(dst, `","qty":`...)
	dst = strconv.AppendInt(dst, d.itemQuantity(i), 10)
	dst = append(dst, `,"price":`...)
	dst = appendCents(dst, int64(it.cents))
	return append(dst, '}')
}

func (d *delivery) itemQuantity(i int) int64 {
	qty := int64(d.fact.order.items[i].qty)
	if i == 0 && d.alters(items) {
		qty += 1 + int64(d.fact.alteredBy)%3
	}
	return qty
}

// appendKey writes the order's number, which identifies the fact on all clouds.
func (r *Renderer) appendKey(dst []byte, d *delivery) []byte {
	if d.defect == noKey {
		return dst
	}
	return r.appendOrder(dst, d.fact.order)
}

func (r *Renderer) appendOrder(dst []byte, o *order) []byte {
	dst = append(dst, "ord-"...)
	dst = append(dst, r.run...)
	dst = append(dst, '-')
	return appendPadded(dst, o.number, 6)
}

// appendID writes the event's id, a UUID (RFC 9562, version 8) made of a hash of
// what the event is.
func (r *Renderer) appendID(dst []byte, d *delivery) []byte {
	if d.defect == noKey {
		return dst
	}
	which := uint64(d.cloud)<<8 | uint64(d.copy)
	if d.defect != sound {
		which |= 0x80
	}
	high := mix64(r.seed ^ mix64(d.fact.order.number<<16|uint64(d.fact.typ)<<10|which))
	low := mix64(high ^ d.fact.order.number)
	high = high&^0xf000 | 0x8000
	low = low&^(3<<62) | 2<<62
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], high)
	binary.BigEndian.PutUint64(raw[8:], low)
	for i, part := range [...][]byte{raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

func (r *Renderer) appendTime(dst []byte, d *delivery, layout string) []byte {
	switch d.defect {
	case yearOne:
		return append(dst, "0001-01-01T00:00:00Z"...)
	case yearFar:
		return append(dst, "2099-12-31T23:59:59Z"...)
	}
	return time.Unix(0, r.start+d.fact.eventTime(d.cloud, d.copy == 1)).UTC().AppendFormat(dst, layout)
}

// quote returns the JSON string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil { // no string makes Marshal fail
		return `""`
	}
	return string(b)
}

func appendAmount(dst []byte, cents int64, quoted bool) []byte {
	if quoted {
		return append(appendCents(append(dst, '"'), cents), '"')
	}
	return appendCents(dst, cents)
}

func appendCents(dst []byte, cents int64) []byte {
	dst = strconv.AppendInt(dst, cents/100, 10)
	dst = append(dst, '.')
	return append(dst, byte('0'+cents%100/10), byte('0'+cents%10))
}

func appendPadded(dst []byte, n uint64, width int) []byte {
	digits := 1
	for m := n; m >= 10; m /= 10 {
		digits++
	}
	for ; digits < width; digits++ {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, n, 10)
}

// mix64 is the finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable
// Pseudorandom Number Generators, 2014).
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// messageLength is how many of the events, at least one, travel in the first
// native message.
func messageLength(events []delivery) int {
	n := 1
	for n < len(events) && events[n].joined {
		n++
	}
	return n
}
