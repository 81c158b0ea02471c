package conformance

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// forgetful is a host that lets a participant's representative be decided by
// time and then by a rank of its own: of several events with the same rank the
// first to arrive represents the participant, as if the rest of the tie-break
// (source, id, bytes of the compared fields) had been deleted.
type forgetful struct {
	cfg  oracle.Config
	rank func(e identity) string
}

type identity struct {
	ID, Source, Cloud, Correlationid string
	Time                             time.Time
}

func (h forgetful) Run(script []Step) (Result, error) {
	greatest := map[string]string{}
	var kept []Step
	for _, s := range script {
		var e identity
		if s.Event == nil || json.Unmarshal(s.Event, &e) != nil {
			kept = append(kept, s)
			continue
		}
		of, rank := e.Correlationid+"/"+e.Cloud, e.Time.Format("2006-01-02T15:04:05.000")+h.rank(e)
		if rank > greatest[of] {
			greatest[of] = rank
			kept = append(kept, s)
		}
	}
	return oracleHost{h.cfg}.Run(kept)
}

// The order law must notice when any part of the tie-break is gone: its facts
// have events with equal times, with equal times and sources, and with equal
// times, sources and ids, whose values differ.
func TestTheOrderLawNoticesADeletedTieBreak(t *testing.T) {
	for name, rank := range map[string]func(identity) string{
		"time only":                  func(identity) string { return "" },
		"time and source":            func(e identity) string { return e.Source },
		"time, source and id":        func(e identity) string { return e.Source + e.ID },
		"time and id without source": func(e identity) string { return e.ID },
	} {
		t.Run(name, func(t *testing.T) {
			noticed := 0
			runs := rapid.Custom(func(rt *rapid.T) error {
				c := drawLawCase(rt)
				script := append(c.drawInterleaving(rt), c.drawEnding(rt, Traits{})...)
				mutant := func(testing.TB, oracle.Config) Host { return forgetful{c.Config, rank} }
				got, err := play(t, mutant, Traits{}, c.Config, script)
				if err != nil {
					return err
				}
				return checkLaw(c, script, got)
			})
			const runsOfOneCheck = 100 // what rapid runs by default
			for seed := range runsOfOneCheck {
				if runs.Example(seed) != nil {
					noticed++
				}
			}
			require.Greater(t, noticed, 2, "of %d runs", runsOfOneCheck)
			t.Logf("noticed in %d of %d runs", noticed, runsOfOneCheck)
		})
	}
}
