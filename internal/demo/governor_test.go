package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/truth"
)

// backend stands for everything behind the clouds: it takes up to capacity events
// a second.
type backend struct {
	capacity float64
	made     float64
	taken    float64
	most     float64 // on their way
}

func (p *backend) second(rate float64) arrivals {
	p.made += rate
	p.taken = min(p.made, p.taken+p.capacity)
	p.most = max(p.most, p.made-p.taken)
	return arrivals{logged: int64(p.made), judged: int64(p.made), storedEvents: int64(p.taken)}
}

func TestTheCloudsSendNoFasterThanWhatTheySendIsTaken(t *testing.T) {
	for name, test := range map[string]struct {
		asked, capacity float64
		limit           string
		most            float64 // events on their way
	}{
		"a rate that is kept":         {asked: 1000, capacity: 1500, most: 1000},
		"the highest rate that is":    {asked: 100_000, capacity: 110_000, most: 100_000},
		"three times what is taken":   {asked: 20_000, capacity: 6600, limit: limitStore, most: 50_000},
		"ten times what is taken":     {asked: 100_000, capacity: 9000, limit: limitStore, most: 200_000},
		"a machine that is too small": {asked: 1000, capacity: 300, limit: limitStore, most: 11_000},
	} {
		t.Run(name, func(t *testing.T) {
			g, p := governor{asked: test.asked}, backend{capacity: test.capacity}
			now, rate := time.Unix(0, 0), test.asked
			for range 120 {
				now = now.Add(time.Second)
				rate = g.look(now, p.second(rate), 0)
				require.LessOrEqual(t, rate, test.asked)
			}
			require.LessOrEqual(t, p.most, test.most)
			require.Equal(t, test.limit, g.limit)
			require.Greater(t, p.taken, 0.95*120*min(test.asked, test.capacity), "nothing is given away")

			p.capacity = 2 * test.asked
			for range 60 {
				now = now.Add(time.Second)
				rate = g.look(now, p.second(rate), 0)
			}
			require.InDelta(t, test.asked, rate, 0, "and rises again when more is taken")
			require.Empty(t, g.limit)
		})
	}
}

func TestARateThatIsNotKeptIsSaid(t *testing.T) {
	v := someView()
	v.asked = 20_000
	require.Empty(t, v.short())
	v.limit = limitStore
	const said = "attained 1000 of 20000 events/s: the store takes no more"
	require.Equal(t, "  "+said, rowsOf(v)[1])
	var out strings.Builder
	(&lines{out: &out}).show(v)
	require.Contains(t, out.String(), " | "+said+"\n")

	r := newReport(&truth.Report{OK: true}, &counts{Rate: 20_000, Load: load{Events: 300_000, Seconds: 30, Limit: limitIngest}})
	out.Reset()
	require.NoError(t, r.Write(&out, false))
	require.Contains(t, out.String(), "\nattained 10000 of 20000 events/s: ingest takes no more\n")
	out.Reset()
	require.NoError(t, r.Write(&out, true))
	require.Contains(t, out.String(), `"limited_by":"ingest takes no more"`)
	require.Contains(t, out.String(), `"rate":20000,"attained_rate":10000`)

	r = newReport(&truth.Report{OK: true}, &counts{Rate: 1000, Load: load{Events: 29_900, Seconds: 30, Limit: limitIngest}})
	out.Reset()
	require.NoError(t, r.Write(&out, false))
	require.NotContains(t, out.String(), "attained", "a moment's delay is no matter")
}

func TestTimeInWhichTheProcessStoodStillIsLeftOut(t *testing.T) {
	begun := time.Now()
	m := meter{begun: begun}
	require.False(t, m.standsStill(begun))
	require.False(t, m.standsStill(begun.Add(time.Second)))
	require.True(t, m.standsStill(begun.Add(71*time.Second)))
	require.False(t, m.standsStill(begun.Add(72*time.Second)))
	require.Equal(t, 2*time.Second, m.ran(begun.Add(72*time.Second)))

	var out strings.Builder
	require.NoError(t, newReport(&truth.Report{OK: true}, &counts{Rate: 1000, Load: load{Events: 2000, Seconds: 2, Still: 70}}).Write(&out, false))
	require.Contains(t, out.String(), "The process stood still for 70 s")
}

func TestCloudsThatStandStillAreLoweredToWhatIsTaken(t *testing.T) {
	g := governor{asked: 20_000, ingest: limitEmulators}
	now, lost, stored := time.Unix(0, 0), time.Duration(0), int64(0)
	look := func(waiting int64, late time.Duration) float64 {
		now, lost, stored = now.Add(time.Second), lost+late, stored+5000
		return g.look(now, arrivals{waiting: waiting, logged: stored, judged: stored, storedEvents: stored}, lost)
	}
	for range 8 {
		look(3000, 700*time.Millisecond)
	}
	require.InDelta(t, 5000, look(3000, 700*time.Millisecond), 100)
	require.Equal(t, limitEmulators, g.limit)

	g = governor{asked: 5000, ingest: limitEmulators}
	look(100, 0)
	require.InDelta(t, 5000, look(100, time.Minute), 0, "a process that was suspended has nothing waiting")
	require.Equal(t, limitClouds, g.limit)
	look(100, 0)
	require.Empty(t, g.limit)
}
