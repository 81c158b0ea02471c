package api

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/helios-connect/helios/plugins/store/query"
)

// PageInput asks for one page.
type PageInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"rows of the page; it ends earlier when the documents in it reach 4 MB"`
	Cursor string `query:"cursor" maxLength:"512" doc:"next_cursor of the page before; absent for the first"`
}

func (p *PageInput) page() query.Page { return query.Page{Limit: p.Limit, After: p.Cursor} }

// RangeInput bounds a time.
type RangeInput struct {
	Since Instant `query:"since" doc:"from this time (RFC 3339), inclusive"`
	Until Instant `query:"until" doc:"to this time (RFC 3339), exclusive"`
}

// Instant is a time in a query, whose error says how it is written.
type Instant struct{ time.Time }

// UnmarshalText reads RFC 3339.
func (i *Instant) UnmarshalText(text []byte) (err error) {
	if i.Time, err = time.Parse(time.RFC3339Nano, string(text)); err != nil {
		return errors.New("it takes an RFC 3339 time such as 2026-11-27T18:00:00Z; a + in it is written %2B")
	}
	return nil
}

// Schema implements huma.SchemaProvider.
func (*Instant) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
}

// Event is a stored event.
type Event struct {
	Time       time.Time       `json:"time" doc:"event time, to the nanosecond"`
	IngestTime *time.Time      `json:"ingest_time,omitempty" doc:"when Helios received it"`
	Tenant     string          `json:"tenant"`
	Cloud      string          `json:"cloud"`
	Source     string          `json:"source"`
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	Key        string          `json:"key" doc:"correlationid: what identifies the fact on every cloud"`
	Event      json.RawMessage `json:"event" doc:"the canonical event, a CloudEvent"`
}

func newEvent(e query.Event) Event {
	event := Event{
		Time: e.Time, Tenant: e.Tenant, Cloud: e.Cloud, Source: e.Source, ID: e.ID, Type: e.Type, Key: e.Key, Event: document(e.JSON),
	}
	if !e.IngestTime.IsZero() {
		event.IngestTime = &e.IngestTime
	}
	return event
}

// document is JSON that can be part of an answer. What Go's own parser refuses,
// such as a nesting of thousands, becomes a string.
func document(text []byte) json.RawMessage {
	if json.Valid(text) {
		return text
	}
	quoted, err := json.Marshal(string(text))
	if err != nil {
		panic(err) // any string can be written
	}
	return quoted
}

type eventsInput struct {
	PageInput
	RangeInput
	Tenant string `query:"tenant" maxLength:"1024" doc:"only this tenant"`
	Type   string `query:"type" maxLength:"1024" doc:"only this type"`
	Cloud  string `query:"cloud" maxLength:"1024" doc:"only this cloud"`
	Key    string `query:"key" maxLength:"4096" doc:"only the fact of this key"`
}

type eventsAnswer struct {
	Body struct {
		Items      []Event `json:"items" doc:"the latest event time first"`
		NextCursor string  `json:"next_cursor,omitempty" doc:"asks for the next page; absent on the last"`
	}
}

// maxAhead is how far ahead of now the listing of events begins: what is dated later
// comes of a wrong clock, and reconciliation flags it by the same measure.
const maxAhead = time.Hour

// until is the end of the range that is asked for. Who names neither an end, nor a
// fact, nor a time ahead wants the latest, which a wrong clock must not hide.
func (in *eventsInput) until(now time.Time) time.Time {
	ahead := now.Add(maxAhead)
	if !in.Until.IsZero() || in.Key != "" || !in.Since.Before(ahead) {
		return in.Until.Time
	}
	return ahead
}

func (s *Server) registerEvents() {
	huma.Register(s.huma, reading("list-events", "/api/v1/events", "Stored events",
		"The latest event time first. Events that are dated more than an hour ahead of now, by a wrong clock, are left out unless until, key or a since beyond that asks for them. Following next_cursor yields every event that was stored at the first page exactly once, whatever is stored meanwhile.", "Events"),
		func(ctx context.Context, in *eventsInput) (*eventsAnswer, error) {
			ctx, cancel := context.WithTimeout(ctx, queryPatience)
			defer cancel()
			listing, err := s.config.Store.Events(ctx, query.EventFilter{
				Tenant: in.Tenant, Type: in.Type, Cloud: in.Cloud, Key: in.Key, Since: in.Since.Time, Until: in.until(time.Now()),
			}, in.page())
			if err != nil {
				return nil, failure(err)
			}
			answer := &eventsAnswer{}
			answer.Body.Items = make([]Event, 0, len(listing.Rows))
			for _, e := range listing.Rows {
				answer.Body.Items = append(answer.Body.Items, newEvent(e))
			}
			answer.Body.NextCursor = listing.Next
			return answer, nil
		})
}
