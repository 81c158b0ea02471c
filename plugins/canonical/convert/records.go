package convert

import (
	"bytes"
	"fmt"

	"github.com/helios-connect/helios/plugins/event"
)

// records converts a batch of AWS notifications: what Lambda is called with for
// SQS, SNS, Kinesis and DynamoDB, what S3 sends, and what ReceiveMessage of SQS
// returns.
func (c *Converter) records(l *level, o *outer) {
	list, format := mRecords, record
	if !l.is(mRecords, '[') {
		list, format = mMessages, SQS
	}
	if !l.is(list, '[') {
		c.refuse(o, Unreadable, fmt.Errorf("member Records is absent or no array"))
		return
	}
	c.unwind(o)
	elements := l.take(list)
	c.keepAside(l, o, "records")
	array, err := c.inner(elements, o.level)
	if err != nil {
		c.refuse(o, Unreadable, err)
		return
	}
	o.level++
	if len(array.extent) == 0 {
		c.refuse(o, NotAnEvent, errEmptyBatch)
		return
	}
	var each outer // declared here, it stays on the stack
	for i := range array.extent {
		element := array.value(i)
		if len(array.extent) > 1 {
			o.raw = element
		}
		r, err := c.inner(element, o.level)
		if err != nil {
			c.refuse(o, Unreadable, err)
			continue
		}
		each = *o
		c.opened(element, r, &each, format)
	}
}

// record converts one of the records, or one that stands alone.
func (c *Converter) record(doc []byte, l *level, o *outer) {
	if l.array {
		c.refuse(o, NotAnEvent, fmt.Errorf("a record that is an array"))
		return
	}
	source := l.takeFirst(mEventSource, mEventSourceUpper)
	service := bytes.TrimPrefix(bytes.Trim(source, `"`), []byte("aws:"))
	switch {
	case string(service) == "sqs":
		l.giveBack(mEventSource)
		c.sqsMessage(l, o)
	case string(service) == "sns" || l.is(mSNSRecord, '{'):
		c.snsRecord(l, o)
	case string(service) == "kinesis" || l.is(mKinesis, '{'):
		c.kinesisRecord(l, o)
	case l.is(mBody, '"') && l.has(mMessageID):
		c.sqsMessage(l, o)
	case len(service) == 0:
		c.refuse(o, NotAnEvent, fmt.Errorf("a record without eventSource"))
	default:
		c.serviceRecord(doc, l, o, service)
	}
}

func (c *Converter) snsRecord(l *level, o *outer) {
	if !l.is(mSNSRecord, '{') {
		c.refuse(o, Unreadable, fmt.Errorf("record member Sns is absent or no object"))
		return
	}
	message := l.take(mSNSRecord)
	l.giveBack(mEventSourceUpper)
	c.unwind(o)
	c.keepAside(l, o, "record")
	inner, err := c.inner(message, o.level)
	if err != nil {
		c.refuse(o, Unreadable, err)
		return
	}
	o.level++
	c.sns(inner, o)
}

var kinesisNames = &identityNames{"Kinesis", "eventID", "eventSourceARN", "kinesis", "kinesis.approximateArrivalTimestamp"}

// kinesisRecord converts a record of a stream, whose data is base64
// (https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html).
func (c *Converter) kinesisRecord(l *level, o *outer) {
	c.enter(o, "kinesis")
	if !l.is(mKinesis, '{') {
		c.refuse(o, Unreadable, fmt.Errorf("record member kinesis is absent or no object"))
		return
	}
	o.names, o.cloud = kinesisNames, cloudAWS
	o.identity = identity{id: l.peek(mEventID), source: l.peek(mEventSourceARN), kind: []byte(`"com.amazonaws.kinesis.record"`)}
	raw := l.take(mKinesis)
	l.giveBack(mEventSource)
	c.keepAside(l, o, "")
	inner, err := c.inner(raw, o.level)
	if err != nil {
		c.refuse(o, Unreadable, err)
		return
	}
	o.level++
	o.time = c.epoch(inner.peek(mArrival), 9)
	data := inner.take(mData)
	text, ok := c.decodeBase64(data)
	if !ok {
		if text, ok = c.unquote(data); !ok {
			c.refuse(o, Unreadable, fmt.Errorf("member kinesis.data is absent or no string"))
			return
		}
	}
	c.keepAside(inner, o, "kinesis")
	c.carried(text, o)
}

// What S3, DynamoDB, SES and CodeCommit say about a record beside the members
// that all have.
var recordPaths = event.MustCompilePaths("s3.bucket.name", "s3.object.key", "s3.object.sequencer",
	"responseElements.x-amz-request-id", "responseElements.x-amz-id-2",
	"dynamodb.ApproximateCreationDateTime", "ses.mail.messageId", "ses.mail.timestamp", "awsRegion")

const (
	rBucket = iota
	rKey
	rSequencer
	rRequestID
	rID2
	rCreated
	rMailID
	rMailTime
	rRegion
	rCount
)

var recordNames = &identityNames{"record", "eventID", "eventSourceARN", "eventName", "eventTime"}

// serviceRecord converts a record that is the event: the whole of it is the
// payload. Names are those of the CloudEvents adapter for S3
// (https://github.com/cloudevents/spec/blob/main/cloudevents/adapters/aws-s3.md),
// and like them for other services.
func (c *Converter) serviceRecord(doc []byte, l *level, o *outer, service []byte) {
	c.enter(o, "record")
	var found [rCount][]byte
	err := c.scanner.Scan(doc, recordPaths, found[:])
	if err == nil {
		err = c.scanner.Scan(doc, c.opt.inside, c.values)
	}
	if err != nil {
		c.refuse(o, Unreadable, err)
		return
	}
	c.extra.reset()
	d := draft{names: recordNames, cloud: cloudAWS, payload: payload{data: doc, values: c.values}}
	d.identify(identity{id: l.takeFirst(mEventID, mEventIDLower), source: l.takeString(mEventSourceARN), time: c.recordTime(l.peek(mEventTime))})
	name, _ := c.unquote(l.peek(mEventName))
	switch string(service) {
	case "s3":
		c.s3Identity(&d, &found)
	case "dynamodb":
		d.Time = c.epoch(found[rCreated], 9)
	case "ses":
		d.ID, d.Time, name = found[rMailID], found[rMailTime], []byte("receipt")
		if d.Source == nil {
			d.Source = []byte(`"aws:ses"`)
		}
	}
	if len(name) > 0 {
		d.Type = c.quote("com.amazonaws." + string(service) + "." + string(name))
	}
	c.finish(&d, o)
}

func (c *Converter) s3Identity(d *draft, found *[rCount][]byte) {
	text := func(i int) string {
		t, _ := c.unquote(found[i])
		return string(t)
	}
	d.Subject = c.orNil([]byte(text(rKey)))
	switch {
	case text(rRequestID) != "" && text(rID2) != "":
		d.ID = c.quote(text(rRequestID) + "." + text(rID2))
	case text(rSequencer) != "":
		d.ID = c.quote(text(rBucket) + "/" + text(rKey) + "." + text(rSequencer))
	}
	if text(rBucket) != "" {
		d.Source = c.quote("aws:s3." + text(rRegion) + "." + text(rBucket))
	}
}

// recordTime returns a time as it stands, with a colon in its offset if it had
// none: CodeCommit writes +0000.
func (c *Converter) recordTime(raw []byte) []byte {
	n := len(raw)
	if n < 8 || raw[0] != '"' || (raw[n-6] != '+' && raw[n-6] != '-') || bytes.IndexByte(raw, 'T') < 0 {
		return raw
	}
	return c.quote(string(raw[1:n-3]) + ":" + string(raw[n-3:n-1]))
}
