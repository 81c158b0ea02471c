package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFaultsAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]struct {
		total     float64
		classes   []string
		fractions map[string]float64
	}{
		"0.05":                  {0.05, nil, nil},
		"0":                     {0, nil, nil},
		"none":                  {0, nil, nil},
		"missing=0.02":          {0.02, []string{"missing"}, map[string]float64{"missing": 0.02}},
		"0.1,missing,late=0.02": {0.1, []string{"missing", "late"}, map[string]float64{"late": 0.02}},
		"duplicate, malformed":  {0.05, []string{"duplicate", "malformed"}, nil},
	} {
		t.Run(text, func(t *testing.T) {
			faults, err := ParseFaults(text)
			require.NoError(t, err)
			require.InDelta(t, want.total, faults.Total, 1e-12)
			require.Equal(t, want.classes, faults.Classes)
			require.Len(t, faults.Fractions, len(want.fractions))
			for class, fraction := range want.fractions {
				require.InDelta(t, fraction, faults.Fractions[class], 1e-12)
			}
		})
	}
}

func TestWhatFaultsCannotBeIsAnsweredWithWhatTheyCan(t *testing.T) {
	for _, text := range []string{"", "lots", "missing=some", "0.1,0.2", "2", "-1", "NaN", "missing=0.5,late=0.9",
		"missing=0.1,missing=0.2", "late,late", "none,missing", "missing,late=0.2"} {
		t.Run(text, func(t *testing.T) {
			_, err := ParseFaults(text)
			require.ErrorContains(t, err, "--faults")
		})
	}
}

func TestABadFlagIsNamedWithWhatIsAllowed(t *testing.T) {
	good := Options{Rate: 1000, Faults: "0.05", Port: 4195, Duration: time.Minute}
	require.NoError(t, good.Validate())
	for flag, spoil := range map[string]func(*Options){
		"--rate":     func(o *Options) { o.Rate = 0 },
		"--duration": func(o *Options) { o.Duration = -time.Second },
		"--port":     func(o *Options) { o.Port = 65536 },
		"--faults":   func(o *Options) { o.Faults = "x" },
	} {
		bad := good
		spoil(&bad)
		require.ErrorContains(t, bad.Validate(), flag)
	}
	short := good
	short.BreakContract, short.Duration = true, breakAfter
	require.ErrorContains(t, short.Validate(), "--duration: 10s ends before --break-contract changes anything")
}

func TestJudgedFactsAreRememberedForLessTimeAtHighRates(t *testing.T) {
	for rate, want := range map[float64]time.Duration{1: 3 * time.Minute, 3000: 3 * time.Minute, 4500: 2 * time.Minute, 9000: time.Minute, 100_000: time.Minute} {
		require.Equal(t, want, correctionHorizon(rate), rate)
	}
}
