package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/helios-connect/helios/plugins/store/query"
)

// Verdict is one revision of a verdict.
type Verdict struct {
	ID          string          `json:"id" doc:"of the fact: 32 hexadecimal digits"`
	Revision    int             `json:"revision" doc:"from 1; a correction counts up"`
	Tenant      string          `json:"tenant"`
	Type        string          `json:"type"`
	Key         string          `json:"key"`
	Status      string          `json:"status" doc:"matched, mismatched, partial, missing or indeterminate"`
	ClosedBy    string          `json:"closed_by" doc:"complete, deadline, idle, pressure, end_of_input or late_event"`
	Expectation string          `json:"expectation" doc:"name and hash of the rule that judged"`
	OpenedAt    time.Time       `json:"opened_at"`
	DecidedAt   time.Time       `json:"decided_at"`
	Verdict     json.RawMessage `json:"verdict" doc:"the verdict as it was written to the log"`
}

func newVerdict(v query.Verdict) Verdict {
	return Verdict{
		ID: v.ID, Revision: v.Revision, Tenant: v.Tenant, Type: v.Type, Key: v.Key, Status: v.Status, ClosedBy: v.ClosedBy,
		Expectation: v.Expectation, OpenedAt: v.OpenedAt, DecidedAt: v.DecidedAt, Verdict: document(v.JSON),
	}
}

type verdictsInput struct {
	PageInput
	RangeInput
	Tenant  string   `query:"tenant" maxLength:"1024" doc:"only this tenant"`
	Type    string   `query:"type" maxLength:"1024" doc:"only this type"`
	Key     string   `query:"key" maxLength:"4096" doc:"only the fact of this key"`
	Status  []string `query:"status" enum:"matched,mismatched,partial,missing,indeterminate" maxItems:"5" doc:"only this status; several, separated by commas"`
	Missing string   `query:"missing" maxLength:"1024" doc:"only verdicts that say this cloud to be missing"`
	History bool     `query:"history" doc:"every revision, instead of the current verdict of each fact"`
}

type verdictsAnswer struct {
	Body struct {
		Items      []Verdict `json:"items" doc:"the latest decision first"`
		NextCursor string    `json:"next_cursor,omitempty" doc:"asks for the next page; absent on the last"`
	}
}

// Fact is one fact: what was believed when, and every cloud's event side by side.
type Fact struct {
	ID      string     `json:"id"`
	Tenant  string     `json:"tenant"`
	Type    string     `json:"type"`
	Key     string     `json:"key"`
	Status  string     `json:"status" doc:"of the current verdict"`
	Fields  []Field    `json:"fields" doc:"the clouds' events field by field, differing fields first; at most 300"`
	History []Revision `json:"history" doc:"the latest 100 revisions, the first of them first"`
	Events  []Event    `json:"events" doc:"the latest 100 events of the fact, the first of them first"`
}

// Revision is a verdict with what it changed.
type Revision struct {
	Verdict
	Changes []Change `json:"changes" doc:"what differs from the revision before"`
}

// Change is a member of a verdict that a correction changed.
type Change struct {
	Member string          `json:"member"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

type factInput struct {
	ID string `path:"id" pattern:"^[0-9a-f]{32}$" doc:"id of a verdict"`
}

type factAnswer struct{ Body Fact }

func (s *Server) registerVerdicts() {
	huma.Register(s.huma, reading("list-verdicts", "/api/v1/verdicts", "Stored verdicts",
		"The current verdict of each fact, the latest decision first. Following next_cursor yields every fact at most once, whatever is stored meanwhile; one that is corrected while you walk moves before your first page. With history=true nothing ever moves.", "Verdicts"),
		s.listVerdicts)
	fact := reading("get-verdict", "/api/v1/verdicts/{id}", "One fact",
		"Every revision of its verdict with what each changed, and the events of all clouds side by side, field by field.", "Verdicts")
	fact.Errors = append(fact.Errors, 404)
	huma.Register(s.huma, fact, s.getFact)
}

func (s *Server) listVerdicts(ctx context.Context, in *verdictsInput) (*verdictsAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, queryPatience)
	defer cancel()
	listing, err := s.config.Store.Verdicts(ctx, query.VerdictFilter{
		Tenant: in.Tenant, Type: in.Type, Key: in.Key, Statuses: in.Status, Missing: in.Missing,
		Since: in.Since.Time, Until: in.Until.Time, History: in.History,
	}, in.page())
	if err != nil {
		return nil, failure(err)
	}
	answer := &verdictsAnswer{}
	answer.Body.Items = make([]Verdict, 0, len(listing.Rows))
	for _, v := range listing.Rows {
		answer.Body.Items = append(answer.Body.Items, newVerdict(v))
	}
	answer.Body.NextCursor = listing.Next
	return answer, nil
}

func (s *Server) getFact(ctx context.Context, in *factInput) (*factAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, queryPatience)
	defer cancel()
	found, err := s.config.Store.Fact(ctx, in.ID)
	if err != nil {
		return nil, failure(err)
	}
	last := found.Revisions[len(found.Revisions)-1]
	fact := Fact{ID: last.ID, Tenant: last.Tenant, Type: last.Type, Key: last.Key, Status: last.Status, Fields: fields(found), Events: []Event{}}
	for i, v := range found.Revisions {
		revision := Revision{Verdict: newVerdict(v), Changes: []Change{}}
		if i > 0 {
			revision.Changes = changes(found.Revisions[i-1].JSON, v.JSON)
		}
		fact.History = append(fact.History, revision)
	}
	for _, e := range found.Events {
		fact.Events = append(fact.Events, newEvent(e))
	}
	return &factAnswer{Body: fact}, nil
}
