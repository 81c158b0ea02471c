package conformance

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

var scenarios = []scenario{
	{
		name: "each cloud wholly after the others",
		play: func(s *stage) {
			for _, cloud := range sceneClouds {
				for fact := range sceneFacts {
					s.report(cloud, fact)
				}
			}
		},
		check: allMatchedAtOnce,
	},
	{
		name: "each cloud wholly after the others, and the last lacks a fact",
		play: func(s *stage) {
			for _, cloud := range sceneClouds {
				for fact := range sceneFacts {
					if cloud != "azure" || fact != 7 {
						s.report(cloud, fact)
					}
				}
			}
		},
		check: func(t *testing.T, r report) {
			r.is(t, 7, "missing by deadline")
			require.Equal(t, []string{"azure"}, r.of(7)[0].Missing)
			r.is(t, 8, "matched by complete")
		},
	},
	{
		name: "one cloud an hour behind",
		tune: func(cfg *oracle.Config) { cfg.CorrectionHorizon = time.Minute },
		play: func(s *stage) {
			for fact := range sceneFacts {
				at := time.Duration(fact) * 2 * time.Minute
				s.at("aws", fact, at)
				s.at("gcp", fact, at)
				s.idle(1)
				if behind := fact - 30; behind >= 0 {
					s.at("azure", behind, time.Duration(behind)*2*time.Minute)
				} else {
					s.at("azure", 1000+fact, at-2*time.Hour) // alive, with older facts
				}
			}
			for fact := sceneFacts - 30; fact < sceneFacts; fact++ {
				s.at("azure", fact, time.Duration(fact)*2*time.Minute)
			}
		},
		check: func(t *testing.T, r report) {
			for fact := range sceneFacts {
				r.is(t, fact, "matched by complete")
			}
			require.Empty(t, r.flags)
		},
	},
	{
		name: "one cloud silent and back",
		play: func(s *stage) {
			for fact := range sceneFacts {
				s.report("aws", fact)
				s.report("gcp", fact)
				s.idle(1)
			}
			s.idle(70)
			for fact := range sceneFacts {
				s.report("azure", fact)
			}
		},
		check: func(t *testing.T, r report) {
			for fact := range sceneFacts {
				r.is(t, fact, "indeterminate by idle", "matched by late_event")
				require.Equal(t, []string{"azure"}, r.of(fact)[0].Stalled, "fact %d", fact)
			}
			require.Empty(t, r.flags)
		},
	},
	{
		name: "one cloud silent and back without some facts",
		play: func(s *stage) {
			for fact := range sceneFacts {
				s.report("aws", fact)
				s.report("gcp", fact)
			}
			s.idle(120)
			for fact := range sceneFacts {
				if fact%10 != 3 {
					s.report("azure", fact)
				}
			}
			s.at("azure", 1000, 10*time.Minute)
		},
		check: func(t *testing.T, r report) {
			for fact := range sceneFacts {
				if fact%10 != 3 {
					r.is(t, fact, "indeterminate by idle", "matched by late_event")
					continue
				}
				r.is(t, fact, "indeterminate by idle", "missing by deadline")
				require.Equal(t, []string{"azure"}, r.of(fact)[1].Missing, "fact %d", fact)
				require.Empty(t, r.of(fact)[1].Stalled, "fact %d", fact)
			}
		},
	},
	{
		name: "one cloud silent for ever",
		play: func(s *stage) {
			for fact := range sceneFacts {
				s.report("aws", fact)
				s.report("gcp", fact)
				s.idle(1)
			}
			s.idle(200)
		},
		check: func(t *testing.T, r report) {
			for fact := range sceneFacts {
				r.is(t, fact, "indeterminate by idle")
			}
		},
	},
	{
		name: "all silent",
		play: func(s *stage) {
			s.report("aws", 0)
			s.report("gcp", 1)
			s.idle(70) // the frontier stands at 1 s + 70 s: both deadlines and the lateness are behind it
		},
		check: func(t *testing.T, r report) {
			r.is(t, 0, "indeterminate by idle")
			r.is(t, 1, "indeterminate by idle")
		},
	},
	{
		name: "all silent, but not long enough",
		play: func(s *stage) {
			s.report("aws", 0)
			s.idle(69)
		},
		check: func(t *testing.T, r report) { require.Empty(t, r.revisions) },
	},
	{
		name: "an event dated 2099 is flagged and closes nothing",
		play: func(s *stage) {
			s.wall = Base.Add(time.Minute)
			s.report("aws", 0)
			s.event(Event{Cloud: "gcp", Key: "ord-1", Time: "2099-01-01T00:00:00Z", Ingest: "2026-01-01T00:00:05Z"})
			s.event(Event{Cloud: "azure", Key: "ord-1", Time: "2099-01-01T00:00:00Z"})
			s.idle(29)
		},
		check: func(t *testing.T, r report) {
			require.Empty(t, r.revisions)
			require.Len(t, r.flags, 2)
			for _, f := range r.flags {
				require.True(t, strings.HasPrefix(f, oracle.Future+" "), f)
			}
		},
	},
	{
		name: "history jumps by years",
		play: func(s *stage) {
			for fact := range sceneFacts {
				for _, cloud := range sceneClouds {
					s.at(cloud, fact, time.Duration(fact)*400*24*time.Hour)
				}
			}
		},
		check: allMatchedAtOnce,
	},
	{
		name: "history read cloud by cloud jumps by years, forth and back",
		play: func(s *stage) {
			for _, cloud := range sceneClouds {
				for fact := range sceneFacts {
					s.at(cloud, fact, time.Duration(fact)*400*24*time.Hour)
				}
			}
		},
		check: allMatchedAtOnce,
	},
	{
		name: "two of three are a quorum",
		tune: func(cfg *oracle.Config) { cfg.Expectations[0].Quorum = 2 },
		play: func(s *stage) {
			for fact := range sceneFacts {
				s.report("aws", fact)
				if fact%3 != 0 {
					s.report("gcp", fact)
				}
			}
			for _, cloud := range sceneClouds {
				s.at(cloud, 1000, time.Hour)
			}
		},
		check: func(t *testing.T, r report) {
			for fact := range sceneFacts {
				r.is(t, fact, map[bool]string{true: "missing by deadline", false: "partial by deadline"}[fact%3 == 0])
			}
		},
	},
	{
		name: "late events after verdicts",
		play: func(s *stage) {
			for fact := range sceneFacts {
				s.report("aws", fact)
			}
			for _, cloud := range sceneClouds {
				s.at(cloud, 1000, 5*time.Minute)
			}
			for fact := range sceneFacts {
				s.report("gcp", fact)
				s.report("azure", fact)
				s.report("gcp", fact) // once more: no news
			}
		},
		check: func(t *testing.T, r report) {
			for fact := range sceneFacts {
				r.is(t, fact, "missing by deadline", "missing by late_event", "matched by late_event")
				require.Equal(t, []string{"azure", "gcp"}, r.of(fact)[2].Late, "fact %d", fact)
				require.Empty(t, r.of(fact)[2].Duplicate, "fact %d", fact)
			}
		},
	},
	{
		name: "what comes after forgetting is too late, not lost and not judged anew",
		play: func(s *stage) {
			for fact := range sceneFacts {
				s.report("aws", fact)
				s.report("gcp", fact)
			}
			for _, cloud := range sceneClouds {
				s.at(cloud, 1000, time.Hour)
			}
			for fact := range sceneFacts {
				s.report("azure", fact)
			}
		},
		check: func(t *testing.T, r report) {
			for fact := range sceneFacts {
				r.is(t, fact, "missing by deadline")
			}
			require.Len(t, r.flags, sceneFacts)
			for _, f := range r.flags {
				require.True(t, strings.HasPrefix(f, oracle.TooLate+" azure-"), f)
			}
		},
	},
	{
		name: "a suspended process stalls nobody",
		play: func(s *stage) {
			s.report("aws", 0)
			for range 29 {
				s.steps = append(s.steps, Step{Tick: 24 * time.Hour})
			}
			s.at("gcp", 1000, 10*time.Minute)
			s.at("aws", 1000, 10*time.Minute)
		},
		check: func(t *testing.T, r report) { require.Empty(t, r.revisions) },
	},
	{
		name: "a bound closes and corrects, and never stands still",
		tune: func(cfg *oracle.Config) { cfg.MaxOpen = 10 },
		play: func(s *stage) {
			for _, cloud := range sceneClouds {
				for fact := range sceneFacts {
					s.report(cloud, fact)
				}
			}
		},
		check: func(t *testing.T, r report) {
			for fact := range sceneFacts - 10 {
				r.is(t, fact, "indeterminate by pressure", "indeterminate by late_event", "matched by late_event")
			}
			for fact := sceneFacts - 10; fact < sceneFacts; fact++ {
				r.is(t, fact, "matched by complete")
			}
		},
	},
	{
		name: "beyond a thousand unexpected names events are flagged",
		play: func(s *stage) {
			for i := range 1002 {
				s.report("cloud-"+strconv.Itoa(i), 0)
			}
			s.report("cloud-0", 0)
			s.report("aws", 0)
			for _, cloud := range sceneClouds {
				s.at(cloud, 1000, 10*time.Minute)
			}
		},
		check: func(t *testing.T, r report) {
			require.Len(t, r.flags, 2)
			require.True(t, strings.HasPrefix(r.flags[0], oracle.Unexpected+" cloud-1000-"), r.flags[0])
			require.True(t, strings.HasPrefix(r.flags[1], oracle.Unexpected+" cloud-1001-"), r.flags[1])
			r.is(t, 0, "missing by deadline")
			require.Len(t, r.of(0)[0].Unexpected, 1000)
			require.Equal(t, map[string]int{"cloud-0": 1}, r.of(0)[0].Duplicate)
		},
	},
}
