package simulator

import (
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// parseSettings reads what all inputs of a world agree on.
func parseSettings(conf *service.ParsedConfig) (s Settings, err error) {
	s.SingleCloud = DefaultSingleCloud
	if s.Rate, err = conf.FieldFloat(simFieldRate); err != nil {
		return s, err
	}
	count, err := conf.FieldInt(simFieldCount)
	if err != nil {
		return s, err
	}
	if count < 0 {
		return s, fmt.Errorf("%s: %d is negative; 0 means no limit", simFieldCount, count)
	}
	s.Count = uint64(count)
	seed, err := conf.FieldInt(simFieldSeed)
	if err != nil {
		return s, err
	}
	s.Seed = uint64(seed)
	if s.Tenants, err = conf.FieldStringList(simFieldTenants); err != nil {
		return s, err
	}
	for name, d := range map[string]*time.Duration{
		simFieldDuration: &s.Duration, simFieldWindow: &s.Window, simFieldLateness: &s.AllowedLateness, simFieldIdle: &s.IdleTimeout,
	} {
		if *d, err = conf.FieldDuration(name); err != nil {
			return s, err
		}
	}
	if s.Start, err = parseStart(conf); err != nil {
		return s, err
	}
	if s.Mix, err = parseMix(conf); err != nil {
		return s, err
	}
	scope, err := conf.FieldString(simFieldStallScope)
	if err != nil {
		return s, err
	}
	if scope == StallCloud.String() {
		s.StallScope = StallCloud
	}
	if s.Ledger, err = conf.FieldString(simFieldLedger); err != nil {
		return s, err
	}
	if s.Drain, err = conf.FieldBool(simFieldDrain); err != nil {
		return s, err
	}
	if s.MaxQueued, err = conf.FieldInt(simFieldMaxQueued); err != nil {
		return s, err
	}
	if s.MaxQueued < 1 {
		return s, fmt.Errorf("%s: %d is below 1", simFieldMaxQueued, s.MaxQueued)
	}
	return s, s.Validate()
}

func parseStart(conf *service.ParsedConfig) (time.Time, error) {
	text, err := conf.FieldString(simFieldStart)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	start, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return start, fmt.Errorf("%s: %q is no RFC 3339 time, for example 2026-03-01T12:00:00Z", simFieldStart, text)
	}
	if y := start.Year(); y < 1970 || y > 2200 {
		return start, fmt.Errorf("%s: the year %d is outside the allowed range 1970 to 2200", simFieldStart, y)
	}
	return start, nil
}

func parseMix(conf *service.ParsedConfig) (Mix, error) {
	var f Faults
	var err error
	if f.Total, err = conf.FieldFloat(simFieldFaults, simFieldTotal); err != nil {
		return Mix{}, err
	}
	classes, err := conf.FieldStringList(simFieldFaults, simFieldClasses)
	if err != nil {
		return Mix{}, err
	}
	if len(classes) > 0 {
		f.Classes = classes
	}
	if f.Fractions, err = conf.FieldFloatMap(simFieldFaults, simFieldFractions); err != nil {
		return Mix{}, err
	}
	return f.Mix()
}
