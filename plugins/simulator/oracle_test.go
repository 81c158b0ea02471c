package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/truth"
)

// The oracle derives what must become of every fact from the native messages
// alone, decoded with encoding/json, without looking at the ledger or at how the
// messages were made. It ignores when they arrive: a final status does not
// depend on it.

// report is one event as some cloud reports it.
type report struct {
	cloud, id string
	when      time.Time
	data      map[string]any
}

// decodeNative returns the events of a message, or an error for what no reader
// could use.
func decodeNative(m sent) (id truth.ID, reports []report, err error) {
	var envelopes []map[string]any
	decode := func(b []byte, v any) error {
		if strings.Contains(string(b), strings.Repeat("[", 513)) {
			return fmt.Errorf("nested too deeply")
		}
		d := json.NewDecoder(strings.NewReader(string(b)))
		d.UseNumber()
		return d.Decode(v)
	}
	switch m.cloud {
	case AWS:
		var e map[string]any
		if err := decode(m.body, &e); err != nil {
			return id, nil, err
		}
		envelopes = append(envelopes, map[string]any{"id": e["id"], "type": e["detail-type"], "time": e["time"], "data": e["detail"]})
	case GCP:
		var data any
		if err := decode(m.body, &data); err != nil {
			return id, nil, err
		}
		a := m.attributes
		envelopes = append(envelopes, map[string]any{"id": a["ce-id"], "type": a["ce-type"], "time": a["ce-time"], "data": data, "subject": a["ce-subject"]})
	case Azure:
		var es []map[string]any
		if err := decode(m.body, &es); err != nil {
			return id, nil, err
		}
		for _, e := range es {
			envelopes = append(envelopes, map[string]any{"id": e["id"], "type": e["eventType"], "time": e["eventTime"], "data": e["data"], "subject": e["subject"]})
		}
	}
	if len(envelopes) != 1 && m.cloud != Azure {
		return id, nil, fmt.Errorf("%d envelopes", len(envelopes))
	}
	for _, e := range envelopes {
		r, err := readEnvelope(m.cloud, e)
		if err != nil {
			return id, nil, err
		}
		reports = append(reports, r)
	}
	return id, reports, nil
}

func readEnvelope(c Cloud, e map[string]any) (r report, err error) {
	r.cloud, r.id = c.String(), e["id"].(string)
	r.data = e["data"].(map[string]any)
	r.data["\x00type"] = e["type"]
	key, _ := r.data["order_id"].(string)
	if subject, ok := e["subject"]; ok && subject != key {
		return r, fmt.Errorf("subject is %v, order_id %q", subject, key)
	}
	if r.id == "" || key == "" {
		return r, fmt.Errorf("id or key is empty")
	}
	if r.when, err = time.Parse(time.RFC3339Nano, e["time"].(string)); err != nil {
		return r, err
	}
	if y := r.when.Year(); y < 1678 || y > 2090 {
		return r, fmt.Errorf("year %d", y)
	}
	if _, err := cents(r.data["amount"]); err != nil {
		return r, err
	}
	return r, nil
}

func cents(v any) (*big.Rat, error) {
	text := strings.Trim(fmt.Sprint(v), `"`)
	if strings.Contains(text, "e1001") {
		return nil, fmt.Errorf("the exponent of %s is too large", text)
	}
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, fmt.Errorf("%q is no number", text)
	}
	return x, nil
}

func agree(path string, a, b map[string]any) bool {
	name := strings.TrimPrefix(path, "data.")
	switch path {
	case "data.amount":
		x, _ := cents(a[name])
		y, _ := cents(b[name])
		return new(big.Rat).Abs(new(big.Rat).Sub(x, y)).Cmp(big.NewRat(1, 100)) <= 0
	case "data.currency":
		return strings.EqualFold(a[name].(string), b[name].(string))
	case "data.items":
		return slices.Equal(multiset(a[name]), multiset(b[name]))
	default:
		return a[name] == b[name]
	}
}

func multiset(v any) []string {
	var out []string
	for _, item := range v.([]any) {
		b, err := json.Marshal(item)
		if err != nil {
			return nil
		}
		out = append(out, string(b))
	}
	sort.Strings(out)
	return out
}

// judge derives the final verdict of a fact from all that was reported.
func judge(expected []string, reports []report) (status string, missing []string, diffs []truth.Diff) {
	latest := map[string]report{}
	for _, r := range reports {
		if old, ok := latest[r.cloud]; !ok || r.when.After(old.when) || r.when.Equal(old.when) && r.id > old.id {
			latest[r.cloud] = r
		}
	}
	for _, c := range expected {
		if _, ok := latest[c]; !ok {
			missing = append(missing, c)
		}
	}
	present := slices.Sorted(maps.Keys(latest))
	for _, path := range fieldPaths {
		var outliers []string
		for _, c := range present {
			others := 0
			for _, d := range present {
				if c != d && agree(path, latest[c].data, latest[d].data) {
					others++
				}
			}
			if others == 0 && len(present) > 1 {
				outliers = append(outliers, c)
			}
		}
		if len(outliers) > 0 {
			diffs = append(diffs, truth.Diff{Field: path, Outliers: outliers})
		}
	}
	switch {
	case len(missing) > 0:
		return "missing", missing, diffs
	case len(diffs) > 0:
		return "mismatched", nil, diffs
	default:
		return "matched", nil, nil
	}
}

func TestTheLedgerIsWhatAnOracleDerivesFromTheNativeMessages(t *testing.T) {
	for _, scope := range []StallScope{StallChannel, StallCloud} {
		for seed := range uint64(2) {
			t.Run(fmt.Sprintf("%s %d", scope, seed), func(t *testing.T) {
				opts := testOptions(Faults{Total: 0.6})
				opts.Seed, opts.Count, opts.StallScope = seed, 4000, scope
				r := play(t, opts)
				compareWithOracle(t, r)
			})
		}
	}
}

func compareWithOracle(t *testing.T, r *run) {
	t.Helper()
	reports, rejected := map[truth.ID][]report{}, int64(0)
	for _, m := range r.sent {
		_, events, err := decodeNative(m)
		require.Equal(t, m.defect != sound, err != nil, "%s %v: %s", m.defect, err, m.body)
		if err != nil {
			rejected++
			continue
		}
		for _, e := range events {
			id := truth.ID{Tenant: e.data["tenant"].(string), Type: e.data["\x00type"].(string), Key: e.data["order_id"].(string)}
			reports[id] = append(reports[id], e)
		}
	}
	_, malformed := r.ledger.Totals()
	require.Equal(t, malformed, rejected)
	for _, f := range r.ledger.Facts {
		expected := []string{"aws", "azure", "gcp"}
		for _, c := range expected {
			if strings.HasPrefix(f.Type, "com.example."+c+".") {
				expected = []string{c}
				break
			}
		}
		status, missing, diffs := judge(expected, reports[f.ID])
		require.Equal(t, f.Status, status, "%+v", f)
		require.Equal(t, f.Missing, missing, "%+v", f)
		require.Equal(t, f.Diffs, diffs, "%+v", f)
		compareCounts(t, &f, reports[f.ID])
		delete(reports, f.ID)
	}
	require.Empty(t, reports, "facts that the ledger does not know")
}

// compareCounts checks the ledger's numbers of events, repeats and second ones.
func compareCounts(t *testing.T, f *truth.Fact, reports []report) {
	t.Helper()
	ids := map[string]map[string]int64{}
	for _, r := range reports {
		if ids[r.cloud] == nil {
			ids[r.cloud] = map[string]int64{}
		}
		ids[r.cloud][r.id]++
	}
	require.Len(t, f.Events, len(ids))
	for c, byID := range ids {
		total := int64(0)
		for _, n := range byID {
			total += n
		}
		require.Equal(t, f.Events[c], total)
		require.Equal(t, f.Conflicts[c], int64(len(byID)-1))
		require.Equal(t, f.Duplicates[c], total-int64(len(byID)))
	}
}

func TestDisorderStaysWithinTheAllowedLatenessUnlessMeant(t *testing.T) {
	opts := testOptions(Faults{Total: 0.4, Classes: []string{"out_of_order", "mismatched", "missing", "conflicting"}})
	opts.Count = 20_000
	r := play(t, opts)
	mark := map[Cloud]time.Time{}
	most := time.Duration(0)
	for _, m := range r.sent {
		_, events, err := decodeNative(m)
		require.NoError(t, err)
		for _, e := range events {
			if m.cloud == AWS {
				e.when = e.when.Add(999 * time.Millisecond) // it tells whole seconds
			}
			most = max(most, mark[m.cloud].Sub(e.when))
			if e.when.After(mark[m.cloud]) {
				mark[m.cloud] = e.when
			}
		}
	}
	require.Less(t, most, opts.AllowedLateness)
	require.Greater(t, most, opts.AllowedLateness/4, "events are out of order at all")
}

func TestALateEventComesAfterTheOthersHavePassed(t *testing.T) {
	opts := testOptions(Faults{Total: 0.1, Classes: []string{"late"}})
	opts.Count = 10_000
	r := play(t, opts)
	late := map[string]map[string]bool{}
	for _, f := range r.ledger.Facts {
		for _, c := range f.Late {
			if late[f.Key+f.Type] == nil {
				late[f.Key+f.Type] = map[string]bool{}
			}
			late[f.Key+f.Type][c] = true
		}
	}
	require.NotEmpty(t, late)
	mark, checked := map[Cloud]time.Time{}, 0
	for _, m := range r.sent {
		_, events, err := decodeNative(m)
		require.NoError(t, err)
		for _, e := range events {
			if late[e.data["order_id"].(string)+e.data["\x00type"].(string)][e.cloud] {
				checked++
				require.GreaterOrEqual(t, mark[m.cloud].Sub(e.when), opts.Window+opts.AllowedLateness)
			}
			if e.when.After(mark[m.cloud]) {
				mark[m.cloud] = e.when
			}
		}
	}
	require.NotZero(t, checked)
}

func TestAtTheEndEveryClockIsPastEveryDeadline(t *testing.T) {
	opts := testOptions(Faults{Total: 0.5})
	opts.Count = 5000
	r := play(t, opts)
	marks, deadline := map[string]time.Time{}, map[string]time.Time{}
	perType := map[string]channel{}
	for _, typ := range factTypes {
		perType[typ.name] = typ.channel
	}
	moving := map[string]bool{}
	for _, f := range r.facts {
		if f.ahead > 0 {
			moving[fmt.Sprint(f.order.number, factTypes[f.typ].name)] = true
		}
	}
	require.Len(t, moving, 2*moversPerChannel)
	for _, m := range r.sent {
		_, events, err := decodeNative(m)
		if err != nil {
			continue
		}
		for _, e := range events {
			ch := fmt.Sprint(perType[e.data["\x00type"].(string)])
			if perType[e.data["\x00type"].(string)] == singles {
				continue
			}
			if k := ch + e.cloud; e.when.After(marks[k]) {
				marks[k] = e.when
			}
			key := e.data["order_id"].(string)
			number := strings.TrimLeft(key[strings.LastIndex(key, "-")+1:], "0")
			if !moving[number+e.data["\x00type"].(string)] {
				if d := e.when.Add(opts.Window + opts.AllowedLateness); d.After(deadline[ch]) {
					deadline[ch] = d
				}
			}
		}
	}
	require.Len(t, marks, 6)
	for k, mark := range marks {
		require.False(t, mark.Before(deadline[k[:1]]), k)
	}
}
