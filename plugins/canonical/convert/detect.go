package convert

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/helios-connect/helios/plugins/event"
)

// Format is a kind of envelope.
type Format uint8

// Formats.
const (
	// Auto finds the format out.
	Auto Format = iota
	// CloudEvents in structured mode, versions 0.1 to 1.0.
	CloudEvents
	// EventBridge events.
	EventBridge
	// EventGrid events in the Event Grid schema.
	EventGrid
	// SNS messages as delivered to HTTP endpoints and queues.
	SNS
	// SQS messages as ReceiveMessage returns them.
	SQS
	// PubSub push bodies.
	PubSub
	// Records are AWS notifications in batches, as Lambda and S3 make them.
	Records
	// PubSubPull: the body is the payload, the attributes are in the metadata.
	PubSubPull
	// Binary: the body is the payload, the CloudEvents attributes are in the
	// metadata.
	Binary

	record // one of the Records
)

var formatNames = [...]string{"auto", "cloudevents", "eventbridge", "eventgrid", "sns", "sqs", "pubsub", "records", "pubsub_pull", "binary", "record"}

// String returns the format as the configuration spells it.
func (f Format) String() string { return formatNames[f] }

// Formats lists the formats that may be asked for.
func Formats() []Format {
	return []Format{Auto, CloudEvents, EventBridge, EventGrid, SNS, SQS, PubSub, Records, PubSubPull, Binary}
}

// ParseFormat is the inverse of Format.String.
func ParseFormat(name string) (Format, error) {
	for _, f := range Formats() {
		if f.String() == name {
			return f, nil
		}
	}
	return Auto, fmt.Errorf("%w: format %q: want one of %v", ErrOption, name, Formats())
}

// detect tells the format of an object by the members that its documentation
// names: by those that no other format has, and by enough of them that an
// envelope which lacks one is still recognised and refused for that.
func (l *level) detect() Format {
	switch {
	case l.has(mSpecVersion) || l.has(mCloudEventsVersion):
		return CloudEvents
	case l.has(mDetailType) && (l.has(mSource) || l.has(mDetail)), l.has(mDetail) && l.has(mSource):
		return EventBridge
	case l.is(mRecords, '['), l.is(mMessages, '['):
		return Records
	case l.has(mSNSType) && (l.has(mTopicArn) || l.has(mSNSMessage)), l.has(mTopicArn) && l.has(mSNSMessage):
		return SNS
	case l.is(mMessage, '{') && (l.has(mSubscription) || isPubSubMessage(l.peek(mMessage))):
		return PubSub
	case l.has(mEventType) && (l.has(mEventTime) || l.has(mTopic) || l.has(mDataVersion)),
		l.has(mTopic) && l.has(mEventTime) && l.has(mID):
		return EventGrid
	case l.has(mEventSource) && (l.has(mEventName) || l.has(mEventVersion) || l.has(mEventSourceARN)):
		return record
	case l.is(mBody, '"') && l.has(mMessageID), l.is(mBodyUpper, '"') && l.has(mSNSMessageID):
		return SQS
	}
	return Auto
}

var pubSubMembers = event.MustCompilePaths("messageId", "message_id", "publishTime", "publish_time")

// isPubSubMessage tells a Pub/Sub message, whose documented members are these,
// from another object that stands under that name.
func isPubSubMessage(raw []byte) bool {
	var s event.Scanner
	var out [4][]byte
	if err := s.Scan(raw, pubSubMembers, out[:]); err != nil {
		return errors.Is(err, event.ErrDuplicateMember)
	}
	return (out[0] != nil || out[1] != nil) && (out[2] != nil || out[3] != nil)
}

// report says what an object is that a service writes into a queue for events
// and that is none, or nil.
func report(l *level) error {
	switch {
	case l.has(mS3Service) && l.has(mS3Event):
		return errors.New("the test message that S3 sends when notifications are set up")
	case l.named("busArn") != nil && l.named("subscriberArn") != nil && l.named("failedMessages") != nil:
		return undelivered(l)
	}
	return nil
}

// undelivered names the events of a record in the dead-letter queue of a custom
// event bus, which holds their ids and nothing else of them
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-retry.html).
func undelivered(l *level) error {
	var failed []struct{ EventID string }
	var code string
	_ = json.Unmarshal(l.named("failedMessages"), &failed) // what is readable of it
	_ = json.Unmarshal(l.named("errorCode"), &code)
	ids := ""
	for i, f := range failed {
		if i == 5 {
			ids += ", …"
			break
		}
		if i > 0 {
			ids += ", "
		}
		ids += fmt.Sprintf("%.80q", f.EventID)
	}
	return fmt.Errorf("EventBridge's record of %d events that a custom event bus did not deliver (%.80s): it names them [%s] and does not hold them; "+
		"have a subscriber of the bus that starts at a point in time deliver them again", len(failed), code, ids)
}

// notAnEvent says what an object of no known format looks like.
func notAnEvent(l *level) error {
	if err := report(l); err != nil {
		return err
	}
	names := ""
	for i := range l.known {
		if i == 5 {
			names += ", …"
			break
		}
		if i > 0 {
			names += ", "
		}
		names += fmt.Sprintf("%.40q", l.name(i))
	}
	return fmt.Errorf("no envelope of EventBridge, SQS, SNS, S3, Kinesis, Pub/Sub, Event Grid or CloudEvents; the members are [%s]", names)
}
