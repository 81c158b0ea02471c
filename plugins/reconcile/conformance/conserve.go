package conformance

import (
	"encoding/json"
	"fmt"

	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// conserved checks the conservation law: every event is either flagged, done
// with, or held; a held one is accounted for by at most one verdict, and by
// one of its own fact; no other is accounted for at all. After an end of input
// every held event is accounted for.
func conserved(res Result, script []Step) error {
	const flagged, done, held = 1, 2, 4
	state := map[int]int{}
	for _, i := range res.Done {
		state[i] += done
	}
	for _, i := range res.Held {
		state[i] += held
	}
	flags := map[string]int{}
	for _, f := range res.Flags {
		flags[f.Doc]++
	}
	ended := false
	for i, s := range script {
		ended = ended || s.End
		if s.Event != nil && state[i] == 0 && flags[string(s.Event)] > 0 {
			flags[string(s.Event)]--
			state[i] = flagged
		}
		if s.Event != nil && state[i] != flagged && state[i] != done && state[i] != held {
			return fmt.Errorf("event %s of step %d is in %d states (1 flagged, 2 done, 4 held)", eventName(s.Event), i, state[i])
		}
	}
	for doc, n := range flags {
		if n > 0 {
			return fmt.Errorf("event %s flagged %d times too often", eventName([]byte(doc)), n)
		}
	}
	accounted := map[int]bool{}
	for _, v := range res.Verdicts {
		for _, i := range v.Accounts {
			if i < 0 || i >= len(script) || state[i] != held || accounted[i] {
				return fmt.Errorf("verdict %.400s accounts for step %d, which is not held or was accounted for before", v.JSON, i)
			}
			if of, by := factOf(script[i].Event), factOfVerdict(v.JSON); of != by {
				return fmt.Errorf("verdict of %v accounts for step %d, an event of %v", by, i, of)
			}
			accounted[i] = true
		}
	}
	for _, i := range res.Held {
		if ended && !accounted[i] {
			return fmt.Errorf("event %s of step %d was held and no verdict accounts for it", eventName(script[i].Event), i)
		}
	}
	return nil
}

func factOf(doc []byte) oracle.FactKey {
	e := struct{ Tenant, Type, Correlationid string }{Tenant: "default"}
	if err := json.Unmarshal(doc, &e); err != nil {
		return oracle.FactKey{}
	}
	return oracle.FactKey{Tenant: e.Tenant, Type: e.Type, Key: e.Correlationid}
}

func factOfVerdict(doc []byte) oracle.FactKey {
	var v struct{ Tenant, Type, Key string }
	if err := json.Unmarshal(doc, &v); err != nil {
		return oracle.FactKey{}
	}
	return oracle.FactKey{Tenant: v.Tenant, Type: v.Type, Key: v.Key}
}
