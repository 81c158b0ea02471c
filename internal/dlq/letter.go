// Package dlq reads the dead-letter topic and sends its letters again.
package dlq

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/plugins/event"
	"github.com/helios-connect/helios/plugins/reconcile/kafka"
)

// headerCut is set by config/log.yaml on a value that was shortened: its
// length in bytes before.
const headerCut = "helios-cut"

// Letter is one dead letter.
type Letter struct {
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Time      time.Time `json:"time"`
	Key       string    `json:"key"`
	Reason    string    `json:"reason"`
	Stage     string    `json:"stage"`
	Detail    string    `json:"detail"`
	Origin    string    `json:"origin"`
	// Attempt is how often the event has been dead-lettered.
	Attempt int `json:"attempt"`
	// Cut is the length of the original, if the value is only its beginning.
	Cut    string `json:"cut,omitempty"`
	Type   string `json:"type,omitempty"`
	Tenant string `json:"tenant,omitempty"`
	// Raw is the value as it lies in the topic.
	Raw []byte `json:"raw"`
}

var letterPaths = event.MustCompilePaths(event.AttrType, event.AttrTenant)

// Decode makes a letter of a record. A record without the headers of a dead
// letter is one too, with nothing known about it.
func Decode(rec *kgo.Record) Letter {
	l := Letter{Partition: rec.Partition, Offset: rec.Offset, Time: rec.Timestamp.UTC(), Key: string(rec.Key), Attempt: 1, Raw: rec.Value}
	for _, h := range rec.Headers {
		v := string(h.Value)
		switch h.Key {
		case kafka.HeaderReason:
			l.Reason = v
		case kafka.HeaderStage:
			l.Stage = v
		case kafka.HeaderDetail:
			l.Detail = v
		case kafka.HeaderOrigin:
			l.Origin = v
		case kafka.HeaderAttempt:
			if n, err := strconv.Atoi(v); err == nil && n > 0 {
				l.Attempt = n
			}
		case headerCut:
			l.Cut = v
		case "helios_type":
			l.Type = v
		case "helios_tenant":
			l.Tenant = v
		}
	}
	var s event.Scanner
	var found [2][]byte
	if s.Scan(rec.Value, letterPaths, found[:]) == nil {
		for i, field := range []*string{&l.Type, &l.Tenant} {
			if text, err := event.Unquote(nil, found[i]); err == nil && *field == "" && event.IsString(found[i]) {
				*field = string(text)
			}
		}
	}
	return l
}

// Filter says which letters are meant; an empty field means all.
type Filter struct {
	Reason, Stage, Type, Tenant string
	// Since is inclusive, Until exclusive; of the time in the topic.
	Since, Until time.Time
}

// Match tells whether the letter is meant.
func (f Filter) Match(l Letter) bool {
	return (f.Reason == "" || f.Reason == l.Reason) && (f.Stage == "" || f.Stage == l.Stage) &&
		(f.Type == "" || f.Type == l.Type) && (f.Tenant == "" || f.Tenant == l.Tenant) &&
		(f.Since.IsZero() || !l.Time.Before(f.Since)) && (f.Until.IsZero() || l.Time.Before(f.Until))
}
