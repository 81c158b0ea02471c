package conformance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// oracleHost lets the suite judge the oracle itself: by the hand-written
// scripts, by the scenarios, and by the oracle that judges at the end.
type oracleHost struct{ cfg oracle.Config }

func newOracleHost(_ testing.TB, cfg oracle.Config) Host { return oracleHost{cfg} }

func (h oracleHost) Run(script []Step) (Result, error) {
	_, timeline := judged(h.cfg, script)
	var res Result
	for _, r := range timeline.Revisions {
		doc, err := json.Marshal(asVerdict(r))
		if err != nil {
			return res, err
		}
		res.Verdicts = append(res.Verdicts, Emission{JSON: doc})
	}
	res.Flags = timeline.Flags
	return res, nil
}

func asVerdict(r oracle.Revision) verdict {
	id := sha256.Sum256([]byte(fmt.Sprintf("%q", r.Fact)))
	v := verdict{ID: hex.EncodeToString(id[:16]), Revision: r.Revision, Tenant: r.Fact.Tenant, Type: r.Fact.Type, Key: r.Fact.Key,
		Status: r.Status, Expected: r.Expected, Present: r.Present, Missing: r.Missing, Stalled: r.Stalled, Late: r.Late,
		Unexpected: r.Unexpected, Duplicates: r.Duplicate, Conflicts: r.Conflict, Diffs: r.Diffs,
		Events: map[string]verdictedFrom{}, OpenedAt: r.OpenedAt, Deadline: r.Deadline, DecidedAt: FarWall,
		ClosedBy: r.ClosedBy, Expectation: r.Rule + "@00000000"}
	for p, e := range r.Events {
		v.Events[p] = verdictedFrom{ID: e.ID, Source: e.Source, Time: e.Time}
	}
	return v
}

func TestTheOraclePassesItsOwnSuite(t *testing.T) {
	Run(t, newOracleHost, Traits{})
}
