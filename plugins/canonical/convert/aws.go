package convert

import (
	"fmt"

	"github.com/helios-connect/helios/plugins/event"
)

var eventBridgeNames = &identityNames{"EventBridge", "id", "source", "detail-type", "time"}

// eventBridge converts an EventBridge event
// (https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html).
func (c *Converter) eventBridge(l *level, o *outer) {
	c.enter(o, "eventbridge")
	c.extra.reset()
	d := draft{names: eventBridgeNames, cloud: cloudAWS}
	d.identify(identity{id: l.take(mID), source: l.take(mSource), kind: l.take(mDetailType), time: l.take(mTime)})
	detail := l.take(mDetail)
	d.payload = inline(detail, c.inDetail(l))
	c.keep(l, &d, "")
	c.learn(l, &d, EventBridge, detail)
	c.finish(&d, o)
}

var snsNames = &identityNames{"SNS", "MessageId", "TopicArn", "Type", "Timestamp"}

// sns converts an SNS message
// (https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html).
// A notification that carries no event becomes one as the CloudEvents adapter for
// SNS says.
func (c *Converter) sns(l *level, o *outer) {
	c.enter(o, "sns")
	switch kind := l.take(mSNSType); string(kind) {
	case `"Notification"`, "":
	case `"SubscriptionConfirmation"`, `"UnsubscribeConfirmation"`:
		c.refuse(o, NotAnEvent, fmt.Errorf("SNS's %s is about the subscription and reports no business fact", kind))
		return
	default:
		c.refuse(o, Unreadable, fmt.Errorf("SNS member Type is %.40s; \"Notification\" is known", kind))
		return
	}
	text, ok := c.unquote(l.take(mSNSMessage))
	if !ok {
		c.refuse(o, Unreadable, fmt.Errorf("SNS member Message is absent or no string"))
		return
	}
	o.names, o.cloud = snsNames, cloudAWS
	o.identity = identity{l.takeString(mSNSMessageID), l.takeString(mTopicArn), []byte(`"com.amazonaws.sns.notification"`), l.takeString(mTimestamp), l.takeString(mSNSSubject)}
	c.keepWithIdentity(l, o)
	c.carried(text, o)
}

// keepWithIdentity notes the wrapper's members, those too that only become the
// event's own identity when it carries no other.
func (c *Converter) keepWithIdentity(l *level, o *outer) {
	for _, m := range [...]member{mMessageID, mSNSMessageID, mMessageIDOld, mTopicArn, mTimestamp, mSNSSubject, mSubscription, mPublishTime, mPublishTimeOld, mEventSourceARN} {
		l.giveBack(m)
	}
	c.keepAside(l, o, "")
}

var sqsNames = &identityNames{"SQS", "messageId", "eventSourceARN", "body", "attributes.SentTimestamp"}

// sqsMessage converts an SQS message, as ReceiveMessage returns it or as one of
// Lambda's records.
func (c *Converter) sqsMessage(l *level, o *outer) {
	c.enter(o, "sqs")
	text, ok := c.unquote(l.takeFirst(mBody, mBodyUpper))
	if !ok {
		c.refuse(o, Unreadable, fmt.Errorf("SQS member body is absent or no string"))
		return
	}
	o.names, o.cloud = sqsNames, cloudAWS
	o.identity = identity{id: l.takeFirst(mMessageID, mSNSMessageID), source: l.takeString(mEventSourceARN), kind: []byte(`"com.amazonaws.sqs.message"`)}
	if o.source == nil {
		o.source = []byte(`"aws:sqs"`)
	}
	for _, m := range [...]member{mAttributes, mAttributesUpper} {
		if o.time == nil && l.is(m, '{') {
			c.systemAttributes(l.peek(m), o)
		}
	}
	c.keepWithIdentity(l, o)
	c.carried(text, o)
}

var systemAttributes = event.MustCompilePaths("SentTimestamp", "AWSTraceHeader")

// systemAttributes reads when SQS took a message in (its attribute has Unix
// milliseconds), and the trace that X-Ray put it into.
func (c *Converter) systemAttributes(attributes []byte, o *outer) {
	var out [2][]byte
	if c.scanner.Scan(attributes, systemAttributes, out[:]) != nil {
		return
	}
	text, ok := c.unquote(out[0])
	if !ok {
		text = out[0]
	}
	o.time = c.epoch(text, 6)
	if header, ok := c.unquote(out[1]); ok {
		if parent := event.TraceParentFromXRay(string(header)); parent != "" {
			o.traceParent = c.quote(parent)
		}
	}
}

// epoch returns a count of units of 10^scale nanoseconds since 1970 as a raw
// JSON time, or nil when it is none.
func (c *Converter) epoch(number []byte, scale int32) []byte {
	n, err := event.ParseDecimal(number)
	if err != nil {
		return nil
	}
	ns, ok := n.Scaled(scale)
	if !ok {
		return nil
	}
	return c.timeOf(ns)
}

// orNil returns text as a raw JSON string, or nil when it is empty.
func (c *Converter) orNil(text []byte) []byte {
	if len(text) == 0 {
		return nil
	}
	return c.quote(string(text))
}
