package convert

import "fmt"

var cloudEventNames = &identityNames{"CloudEvents", "id", "source", "type", "time"}

var cloudEvent01Names = &identityNames{"CloudEvents 0.1", "eventID", "source", "eventType", "eventTime"}

// cloudEvent converts a CloudEvent in structured mode
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
func (c *Converter) cloudEvent(l *level, o *outer) {
	wrapped := o.formats > 0 || o.envelope > 0
	if wrapped {
		c.enter(o, "cloudevents")
	} else {
		c.unwind(&outer{})
	}
	c.extra.reset()
	d := draft{keepsOrigin: !wrapped}
	var err error
	switch version := l.peek(mSpecVersion); string(version) {
	case `"1.0"`, `"0.3"`, `"0.2"`:
		err = c.fromSpecVersion(l, &d)
	case "":
		err = c.fromVersion01(l, &d)
	default:
		err = fmt.Errorf("CloudEvents member specversion is %.40s; \"1.0\", \"0.3\" and \"0.2\" are known", version)
	}
	if err != nil {
		c.refuse(o, Unreadable, err)
		return
	}
	c.own(l, &d)
	d.keepsOrigin = d.keepsOrigin && d.form == asObject
	if err := control(d.Type); err != nil {
		c.refuse(o, NotAnEvent, err)
		return
	}
	c.keepOwn(l, &d)
	c.finish(&d, o)
}

func (c *Converter) fromSpecVersion(l *level, d *draft) error {
	l.take(mSpecVersion)
	d.names = cloudEventNames
	d.identify(identity{l.take(mID), l.take(mSource), l.take(mType), l.take(mTime), l.takeString(mSubject)})
	d.DataContentType = l.takeFirst(mDataContentType, mContentTypeOld)
	d.DataSchema = l.takeFirst(mDataSchema, mSchemaURLOld)
	if l.has(mData) && l.has(mDataBase64) {
		return fmt.Errorf("CloudEvents members data and data_base64 are both there; one is allowed")
	}
	if l.has(mDataBase64) {
		return c.base64Data(l.take(mDataBase64), d)
	}
	if string(l.peek(mDataContentEncoding)) == `"base64"` && l.is(mData, '"') {
		l.take(mDataContentEncoding)
		return c.base64Data(l.take(mData), d)
	}
	d.payload = inline(l.take(mData), c.inData(l))
	return nil
}

// base64Data decodes binary data, which must be base64.
func (c *Converter) base64Data(raw []byte, d *draft) error {
	data, ok := c.decodeBase64(raw)
	if !ok {
		return fmt.Errorf("CloudEvents data is %.40s; base64 (RFC 4648) is required", raw)
	}
	var err error
	if d.payload, err = c.bytesAs(data, d.DataContentType); err != nil && !looksLikeJSON(data) {
		// Who says JSON and sends other bytes in base64 means the bytes.
		d.payload, err = c.binaryPayload(data), nil
	}
	return err
}

// fromVersion01 reads the names that CloudEvents had before 0.2.
func (c *Converter) fromVersion01(l *level, d *draft) error {
	if version := l.take(mCloudEventsVersion); string(version) != `"0.1"` {
		return fmt.Errorf("CloudEvents member cloudEventsVersion is %.40s; \"0.1\" is known", version)
	}
	d.names = cloudEvent01Names
	d.identify(identity{id: l.take(mEventID), source: l.take(mSource), kind: l.take(mEventType), time: l.take(mEventTime)})
	d.DataContentType, d.DataSchema = l.takeString(mContentType), l.takeString(mSchemaURL)
	d.payload = inline(l.take(mData), c.inData(l))
	return nil
}

// own takes the canonical attributes that the event itself carries. Those of a
// canonical event stay as they are; otherwise a configured cloud comes first.
func (c *Converter) own(l *level, d *draft) {
	name := func(m member) []byte {
		if raw := l.peek(m); len(raw) > 2 && raw[0] == '"' {
			return l.take(m)
		}
		return nil
	}
	d.Cloud, d.Tenant, d.CorrelationID = name(mCloud), name(mTenant), name(mCorrelationID)
	if d.IngestTime = l.takeString(mIngestTime); d.IngestTime != nil {
		raw, err := c.instant(d.IngestTime)
		if d.IngestTime = raw; err != nil {
			l.giveBack(mIngestTime)
		}
	}
	canonical := d.Cloud != nil && d.Tenant != nil && d.CorrelationID != nil && d.IngestTime != nil
	if c.cloud != "" && !canonical && d.Cloud != nil {
		d.Cloud = nil
		l.giveBack(mCloud)
	}
}

// keepOwn is keep for a CloudEvent, which may have been through Helios before
// and carry the envelope attribute.
func (c *Converter) keepOwn(l *level, d *draft) {
	var earlier []byte
	for i, known := range l.known {
		if known == mUnknown && string(l.name(i)) == AttrEnvelope && l.value(i)[0] == '"' {
			earlier = l.value(i)
			l.known[i] = mTaken
		}
	}
	part := ""
	if len(c.formats) == 0 {
		part = "cloudevents"
	}
	c.keep(l, d, part)
	switch {
	case earlier == nil:
	case len(c.envelope) == 0:
		c.extra.add(labelEnvelope, earlier)
	default:
		var open bool
		c.note(&open, "earlier", labelEarlier, earlier)
		c.envelope = append(c.envelope, '}')
	}
}
