package conformance

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// RepeatsLaw checks that delivering events again changes no verdict.
//
//   - Every event delivered twice in a row: the same revisions, but for the
//     counts of duplicates and conflicts.
//   - Everything delivered once more when every fact is closed: no revision
//     more; what belongs to a forgotten fact is flagged too_late.
func RepeatsLaw(t *testing.T, newHost NewHost, traits Traits) {
	t.Run("every event twice", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			cfg := drawConfig(rt)
			script := drawScript(rt, traits)
			var twice []Step
			for _, s := range script {
				twice = append(twice, s)
				if s.Event != nil {
					twice = append(twice, s)
				}
			}
			once, err := play(t, newHost, traits, cfg, script)
			if err != nil {
				rt.Fatalf("%v\n%s", err, describe(cfg, script))
			}
			again, err := play(t, newHost, traits, cfg, twice)
			if err != nil {
				rt.Fatalf("%v\n%s", err, describe(cfg, twice))
			}
			if diff := compare(once.uncounted(), again.uncounted()); diff != "" {
				rt.Fatalf("once (oracle) and twice (host)\n%s%s", diff, describe(cfg, script))
			}
		})
	})
	t.Run("everything again", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			c := drawLawCase(rt)
			first := append(c.drawInterleaving(rt), c.drawEnding(rt, Traits{NoEnd: true})...)
			script := append(append([]Step{}, first...), c.drawInterleaving(rt)...)
			if err := replayed(t, newHost, traits, c.Config, first, script); err != nil {
				rt.Fatalf("%v\n%s", err, describe(c.Config, script))
			}
		})
	})
}

func replayed(t *testing.T, newHost NewHost, traits Traits, cfg oracle.Config, first, script []Step) error {
	once, err := play(t, newHost, traits, cfg, first)
	if err != nil {
		return err
	}
	again, err := play(t, newHost, traits, cfg, script)
	if err != nil {
		return err
	}
	for _, f := range again.flags {
		if !strings.HasPrefix(f, oracle.TooLate+" ") {
			return fmt.Errorf("flagged %s", f)
		}
	}
	again.flags = nil
	if diff := compare(once, again); diff != "" {
		return fmt.Errorf("once (oracle) and again (host)\n%s", diff)
	}
	return nil
}

// uncounted is the report without what repeats are allowed to change.
func (r report) uncounted() report {
	out := report{revisions: map[oracle.FactKey][]oracle.Revision{}}
	for k, revisions := range r.revisions {
		for _, rev := range revisions {
			rev.Duplicate, rev.Conflict = nil, nil
			out.revisions[k] = append(out.revisions[k], rev)
		}
	}
	return out
}
