package convert

import "fmt"

var eventGridNames = &identityNames{"Event Grid", "id", "topic", "eventType", "eventTime"}

// eventGrid converts an event in the Event Grid schema
// (https://learn.microsoft.com/azure/event-grid/event-schema).
func (c *Converter) eventGrid(l *level, o *outer) {
	c.enter(o, "eventgrid")
	c.extra.reset()
	d := draft{names: eventGridNames, cloud: cloudAzure}
	d.identify(identity{l.take(mID), l.take(mTopic), l.take(mEventType), l.take(mEventTime), l.takeString(mSubject)})
	data := l.take(mData)
	d.payload = inline(data, c.inData(l))
	c.keep(l, &d, "")
	c.learn(l, &d, EventGrid, data)
	c.finishEventGrid(&d, o)
}

func (c *Converter) finishEventGrid(d *draft, o *outer) {
	if err := control(d.Type); err != nil {
		c.refuse(o, NotAnEvent, err)
		return
	}
	c.finish(d, o)
}

// control tells the events with which Event Grid speaks to the subscriber
// itself, in either schema.
func control(kind []byte) error {
	switch string(kind) {
	case `"Microsoft.EventGrid.SubscriptionValidationEvent"`, `"Microsoft.EventGrid.SubscriptionDeletedEvent"`:
		return fmt.Errorf("%s of Event Grid is about the subscription and reports no business fact", kind)
	}
	return nil
}
