package contracts

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/helios-connect/helios/plugins/schema"
	"github.com/helios-connect/helios/plugins/schema/compat"
	"github.com/helios-connect/helios/plugins/schema/contract"
	"github.com/helios-connect/helios/plugins/schema/registry"
)

// Evolution is a proposal for a subject's next version, tested on real payloads.
type Evolution struct {
	Subject  string
	From     registry.Registered
	Proposal *Proposal
	// Changes from the version before, and whom they break without the mapping.
	Changes []compat.Change
	// Broken payloads, and how many of them the proposal accepts.
	Broken, Mended int
	// Hopeless payloads are accepted by no contract: a member stands twice, or a
	// number is out of reach. They are not among the broken.
	Hopeless int
	// Kept payloads, and how many of them it accepts after the mapping.
	Kept, Carried int
	// Complaint is the first reason why a payload was not accepted.
	Complaint string
}

// Good: the proposal accepts every payload that it was tested on.
func (e *Evolution) Good() bool {
	return len(e.Proposal.Open) == 0 && e.Mended == e.Broken && e.Carried == e.Kept
}

// Plan proposes the next version of a subject from payloads that broke its latest
// one, and tests it on them and on payloads that kept it.
func Plan(ctx context.Context, from registry.Source, subject string, broken, kept [][]byte) (*Evolution, error) {
	versions, err := versionsOf(ctx, from, subject)
	if err != nil {
		return nil, err
	}
	if len(versions) == 0 {
		return nil, fmt.Errorf("%s knows no subject %q", from, subject)
	}
	latest := versions[len(versions)-1]
	if latest.Type != sr.TypeJSON {
		return nil, fmt.Errorf("%q is %s; proposals are made for JSON Schema only", subject, latest.Type)
	}
	e := &Evolution{Subject: subject, From: latest}
	if broken, err = e.mendable(broken); err != nil {
		return nil, err
	}
	if e.Proposal, err = Propose(latest.Text, broken); err != nil {
		return nil, err
	}
	if e.Changes, err = compat.Diff(SchemaOf(latest), compat.Schema{Format: compat.JSON, Text: e.Proposal.Text}); err != nil {
		return nil, err
	}
	return e, e.test(broken, kept)
}

// mendable leaves out what no contract accepts.
func (e *Evolution) mendable(broken [][]byte) (list [][]byte, err error) {
	c, err := contract.Compile(e.Subject, []byte(e.From.Text), contract.Options{AssertFormat: true})
	if err != nil {
		return nil, err
	}
	var judge contract.Judge
	for _, p := range broken {
		if failures := judge.Failures(c, p); len(failures) > 0 && contract.Unmendable(failures[0].Rule) {
			e.Hopeless++
		} else {
			list = append(list, p)
		}
	}
	return list, nil
}

func (e *Evolution) test(broken, kept [][]byte) error {
	c, err := contract.Compile(e.Subject, []byte(e.Proposal.Text), contract.Options{AssertFormat: true})
	if err != nil {
		return err
	}
	var mappings schema.Mappings
	if e.Proposal.Mapping != "" {
		if _, err := mappings.Compile(e.Proposal.Mapping); err != nil {
			return err
		}
	}
	var judge contract.Judge
	accepted := func(payload []byte) bool {
		failures := judge.Failures(c, payload)
		if len(failures) > 0 && e.Complaint == "" {
			e.Complaint = failures[0].Text
		}
		return len(failures) == 0
	}
	for _, p := range broken {
		if e.Broken++; accepted(p) {
			e.Mended++
		}
	}
	for _, p := range kept {
		e.Kept++
		if e.Proposal.Mapping != "" {
			if p, err = mappings.Upgrade(e.Proposal.Mapping, p); err != nil {
				e.Complaint = "the mapping: " + err.Error()
				continue
			}
		}
		if accepted(p) {
			e.Carried++
		}
	}
	return nil
}

// Register makes the proposal the next version. Its mapping stands for what the
// versions lack in compatibility, so the registry must not ask for more.
func (e *Evolution) Register(ctx context.Context, to *registry.Remote) (version int, err error) {
	registered, err := to.Client().CreateSchema(ctx, e.Subject, sr.Schema{Schema: e.Proposal.Text, Type: sr.TypeJSON})
	var answer *sr.ResponseError
	if errors.As(err, &answer) && answer.StatusCode == http.StatusConflict {
		return 0, fmt.Errorf("%s refuses the version as incompatible, since it knows nothing of the mapping: set the compatibility of the subject %q to NONE there, and try again (%s)", to, e.Subject, answer.Message)
	}
	if err != nil {
		return 0, fmt.Errorf("registering %s in %s: %w", e.Subject, to, err)
	}
	return registered.Version, nil
}
