package convert

import (
	"fmt"

	"github.com/helios-connect/helios/plugins/event"
)

var pubSubNames = &identityNames{"Pub/Sub", "message.messageId", "subscription", "type", "message.publishTime"}

var pubSubType = []byte(`"google.cloud.pubsub.topic.v1.messagePublished"`)

// pubSubPush converts the body of a push request
// (https://cloud.google.com/pubsub/docs/push). Attributes that begin with ce-
// make the message a CloudEvent by the Pub/Sub binding
// (https://github.com/google/knative-gcp/blob/main/docs/spec/pubsub-protocol-binding.md);
// else the payload may be an envelope of its own; else the message is the event,
// named as Eventarc names it.
func (c *Converter) pubSubPush(l *level, o outer) {
	c.enter(&o, "pubsub")
	if !l.is(mMessage, '{') {
		c.refuse(&o, Unreadable, fmt.Errorf("Pub/Sub member message is absent or no object"))
		return
	}
	m, err := c.innerOf(l, listMessage, l.take(mMessage), o.level)
	if err != nil {
		c.refuse(&o, Unreadable, err)
		return
	}
	o.level++
	o.names, o.cloud = pubSubNames, cloudGCP
	o.identity = identity{id: m.takeFirst(mMessageID, mMessageIDOld), kind: pubSubType, time: m.takeFirst(mPublishTime, mPublishTimeOld)}
	if subscription := l.peek(mSubscription); len(subscription) > 2 && subscription[0] == '"' {
		start := len(c.arena)
		extend(&c.arena, `"//pubsub.googleapis.com/`)
		extend(&c.arena, textOf(subscription[1:]))
		o.source = c.arena[start:len(c.arena):len(c.arena)]
	}
	raw := m.take(mData)
	data, err := c.pubSubData(raw)
	if err != nil {
		c.refuse(&o, Unreadable, err)
		return
	}
	c.keepAside(l, &o, "")
	c.extra.reset()
	d := draft{names: cloudEventNames, cloud: cloudGCP}
	attributes := 0
	if m.is(mAttributes, '{') {
		if attributes, err = c.pubSubAttributes(l, m, &d, &o); err != nil {
			c.refuse(&o, Unreadable, err)
			return
		}
	}
	for _, id := range [...]member{mMessageID, mMessageIDOld, mPublishTime, mPublishTimeOld} {
		m.giveBack(id)
	}
	c.keepAside(m, &o, "message")
	if attributes == 0 {
		c.carried(data, &o)
		return
	}
	c.learn(l, &d, PubSub, raw)
	c.finishBinary(&d, data, &o)
}

// pubSubData returns a message's data.
func (c *Converter) pubSubData(raw []byte) ([]byte, error) {
	if raw == nil || event.IsNull(raw) {
		return nil, nil
	}
	if data, ok := c.decodeBase64(raw); ok {
		return data, nil
	}
	return nil, fmt.Errorf("Pub/Sub member message.data is %.40s; base64 (RFC 4648) is required", raw)
}

// pubSubAttributes reads the attributes of root's message m into the draft and
// returns how many of them are the CloudEvent's.
func (c *Converter) pubSubAttributes(root, m *level, d *draft, o *outer) (count int, err error) {
	l, err := c.innerOf(root, listAttributes, m.take(mAttributes), o.level)
	if err != nil {
		return 0, err
	}
	var given named
	carries := c.carriedBy(l)
	for i := range carries {
		a, value := &carries[i], l.value(i)
		given.see(a.place)
		if a.trace { // what it holds decides
			c.trail.root = nil
			c.takeTraceParent(l.name(i), value, o)
		}
		if a.attribute != "" && value[0] == '"' && c.setAttribute(d, a.place, a.attribute, value) {
			l.known[i] = mTaken
			count++
		}
	}
	if count > 0 {
		given.complete(d, o)
	}
	c.keepAside(l, o, "attributes")
	return count, nil
}

// takeTraceParent notes the trace context that Google's client libraries set, or
// the publisher.
func (c *Converter) takeTraceParent(name, raw []byte, o *outer) {
	if value, ok := c.unquote(raw); ok {
		text := traceParentOf(string(name), string(value))
		if _, ok := event.ParseTraceParent(text); ok {
			o.traceParent = c.quote(text)
		}
	}
}

// named says which of the attributes that a message can stand in for it names
// itself. One that is named and empty is a mistake of the publisher: to put the
// message's own in its place would give each delivery path another event.
type named struct{ id, source bool }

func (n *named) see(at place) {
	n.id = n.id || at == inID
	n.source = n.source || at == inSource
}

// complete takes id and source of the message where the CloudEvent names none.
func (n named) complete(d *draft, o *outer) {
	if !n.id {
		d.ID = o.id
	}
	if !n.source {
		d.Source = o.source
	}
}

// pubSubPull converts a message that was pulled: its attributes are metadata.
func (c *Converter) pubSubPull(body []byte, o *outer) {
	c.enter(o, "pubsub")
	o.names, o.cloud = pubSubNames, cloudGCP
	o.identity = identity{kind: pubSubType, source: []byte(`"//pubsub.googleapis.com"`)}
	for _, p := range c.pairs {
		switch p.name {
		case "gcp_pubsub_message_id":
			o.id = c.quote(p.value)
		case "gcp_pubsub_publish_time_unix":
			o.time = c.epoch([]byte(p.value), 9)
		}
	}
	c.extra.reset()
	d := draft{names: cloudEventNames, cloud: cloudGCP}
	if c.fromMetadata(&d, false) == 0 {
		c.carried(body, o)
		return
	}
	var given named
	for _, p := range c.pairs {
		given.see(placeOf(p.attribute))
	}
	o.source = nil // a pulled message does not say whose it is: ids of two topics may be the same
	given.complete(&d, o)
	c.finishBinary(&d, body, o)
}
