// Package reconcile holds the two helios_reconcile plugins: the buffer, which
// puts the engine behind any input, and the input, which reads Kafka itself and
// keeps its state in the log.
package reconcile

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// Fields that the buffer and the input share.
const (
	rcFieldExpectations     = "expectations"
	rcFieldExpectationFiles = "expectation_files"
	rcFieldIdleTimeout      = "idle_timeout"
	rcFieldHorizon          = "correction_horizon"
	rcFieldMaxAhead         = "max_ahead"
	rcFieldMaxOpen          = "max_open"
	rcFieldMaxClosed        = "max_closed"
	rcFieldSample           = "sample"

	rcFieldName     = "name"
	rcFieldTypes    = "types"
	rcFieldTenants  = "tenants"
	rcFieldExpect   = "expect"
	rcFieldOptional = "optional"
	rcFieldQuorum   = "quorum"
	rcFieldPrimary  = "primary"
	rcFieldWindow   = "window"
	rcFieldLateness = "allowed_lateness"
	rcFieldClock    = "clock"
	rcFieldCompare  = "compare"

	rcFieldField        = "field"
	rcFieldTolerance    = "tolerance"
	rcFieldRelative     = "relative"
	rcFieldWithin       = "within"
	rcFieldIgnoreCase   = "ignore_case"
	rcFieldUnordered    = "unordered"
	rcFieldNullIsAbsent = "null_is_absent"
)

// expectationsLint is the lint rule of both plugins: a spec has but one.
const expectationsLint = `root = if this.expectations.or([]).length() == 0 && this.expectation_files.or([]).length() == 0 {
  ["expectations is empty and so is expectation_files: at least one expectation is needed"]
} else {
  this.expectations.or([]).filter(x -> x.quorum.or(0) > x.expect.or([]).length()).map_each(x -> "expectation " + x.name.or("").string() + ": quorum is " + x.quorum.string() + ", more than the participants in expect")
}`

// reconcileFields are the fields that both plugins take.
func reconcileFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewObjectListField(rcFieldExpectations, expectationFields()...).
			Description("Who must report a fact and what must agree. The first expectation whose `types` and `tenants` match an event judges it.").
			Default([]any{}),
		service.NewStringListField(rcFieldExpectationFiles).
			Description("Globs of YAML files that hold the same list, appended in the order of the globs and of the names of the files. A glob that matches no file is an error.").
			Default([]any{}).
			Example([]any{"./config/expectations/*.yaml"}),
		service.NewDurationField(rcFieldIdleTimeout).
			Description("A participant is stalled when nothing of it has arrived for this long, while input could be taken. Facts that only wait for stalled participants close as `indeterminate`.").
			Default("30s"),
		service.NewDurationField(rcFieldHorizon).
			Description("How much longer, in event time, a fact with a verdict is remembered so that late events can correct it. At least `window` + `allowed_lateness` for the input.").
			Default("10m"),
		service.NewDurationField(rcFieldMaxAhead).
			Description("An event whose time is further ahead of its `ingesttime` (of the wall clock without one) is flagged as `future`: one wrong clock must not close every fact.").
			Default("1h").Advanced(),
		service.NewIntField(rcFieldMaxOpen).
			Description("How many facts may be open. Beyond, the one opened first closes as `pressure` and is corrected later.").
			Default(1_000_000).Advanced(),
		service.NewIntField(rcFieldMaxClosed).
			Description("How many facts with a verdict are remembered. Beyond, the one that ended first is forgotten.").
			Default(1_000_000).Advanced(),
		service.NewBoolField(rcFieldSample).
			Description("Whether a verdict that lacks a participant carries one whole event of a present one. It costs the memory of one event a fact.").
			Default(true).Advanced(),
	}
}

func expectationFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(rcFieldName).
			Description("Name of the expectation, in verdicts and metrics.").Example("orders"),
		service.NewStringListField(rcFieldTypes).
			Description("Globs of event types; `*` is any run of characters, dots too. Empty: all types.").
			Default([]any{}).Example([]any{"com.example.order.*"}),
		service.NewStringListField(rcFieldTenants).
			Description("Globs of tenants. Empty: all tenants.").Default([]any{}),
		service.NewStringListField(rcFieldExpect).
			Description("Participants that must report the fact.").Example([]any{"aws", "gcp", "azure"}),
		service.NewStringListField(rcFieldOptional).
			Description("Participants that are compared when present and never waited for.").Default([]any{}),
		service.NewIntField(rcFieldQuorum).
			Description("0: all of `expect` are needed. k: with k of them present a fact that lacks others is `partial` instead of `missing`.").
			Default(0).LintRule(`root = if this < 0 { ["quorum is a number of participants: at least 0"] }`),
		service.NewStringField(rcFieldPrimary).
			Description("The participant that is believed when values differ and no majority decides who is the outlier.").Default(""),
		service.NewDurationField(rcFieldWindow).
			Description("Event time from a fact's earliest event to its deadline.").Example("60s").
			LintRule(`root = if this.string().has_prefix("-") { ["window must be positive, such as 60s"] }`),
		service.NewDurationField(rcFieldLateness).
			Description("How far a participant's own events may be out of order: it has passed a fact when its clock is this far behind the deadline.").
			Default("10s").LintRule(`root = if this.string().has_prefix("-") { ["allowed_lateness must not be negative"] }`),
		service.NewStringField(rcFieldClock).
			Description("Expectations with the same clock share their participants' clocks. Types that travel another way, or that other participants report, get a clock of their own.").
			Default("default"),
		service.NewObjectListField(rcFieldCompare, compareFields()...).
			Description("The fields that must agree. Others are not compared.").Default([]any{}),
	}
}

func compareFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(rcFieldField).
			Description("Dotted path into the event.").Examples("data.amount", "time"),
		service.NewFloatField(rcFieldTolerance).
			Description("Numbers (and strings that hold one) agree when they differ by no more than this.").Optional().Example(0.01),
		service.NewFloatField(rcFieldRelative).
			Description("Numbers agree when they differ by no more than this share of the greater magnitude.").Optional().Example(0.001),
		service.NewDurationField(rcFieldWithin).
			Description("Instants (RFC 3339) agree when they are no further apart than this.").Optional().Example("2s"),
		service.NewBoolField(rcFieldIgnoreCase).
			Description("Strings agree whatever the case of their letters.").Default(false),
		service.NewBoolField(rcFieldUnordered).
			Description("Arrays agree as multisets, whatever the order of their elements.").Default(false),
		service.NewBoolField(rcFieldNullIsAbsent).
			Description("`null` is the same as no such field.").Default(false),
	}
}

// parseReconcileConfig reads the shared fields, the expectation files included.
// Tokens, State and Arrivals are the caller's to set.
func parseReconcileConfig(conf *service.ParsedConfig, res *service.Resources) (cfg engine.Config, err error) {
	if cfg.Expectations, err = parseExpectations(conf); err != nil {
		return cfg, err
	}
	globs, err := conf.FieldStringList(rcFieldExpectationFiles)
	if err != nil {
		return cfg, err
	}
	fromFiles, err := readExpectationFiles(res.FS(), globs)
	if err != nil {
		return cfg, err
	}
	cfg.Expectations = append(cfg.Expectations, fromFiles...)
	for name, d := range map[string]*time.Duration{
		rcFieldIdleTimeout: &cfg.IdleTimeout, rcFieldHorizon: &cfg.CorrectionHorizon, rcFieldMaxAhead: &cfg.MaxAhead,
	} {
		if *d, err = conf.FieldDuration(name); err != nil {
			return cfg, fmt.Errorf("%s takes a duration such as 30s: %w", name, err)
		}
		if *d <= 0 {
			return cfg, fmt.Errorf("%s is %s: it takes a duration above 0, such as 30s", name, *d)
		}
	}
	for name, n := range map[string]*int{rcFieldMaxOpen: &cfg.MaxOpen, rcFieldMaxClosed: &cfg.MaxClosed} {
		if *n, err = conf.FieldInt(name); err != nil {
			return cfg, err
		}
		if *n <= 0 {
			return cfg, fmt.Errorf("%s is %d: it takes a number of facts above 0", name, *n)
		}
	}
	if cfg.Sample, err = conf.FieldBool(rcFieldSample); err != nil {
		return cfg, err
	}
	warnOfSharedClocks(cfg.Expectations, res.Logger())
	warnOfHidden(cfg.Expectations, res.Logger())
	return cfg, nil
}

// warnOfSharedClocks points out expectations that share a clock though other
// participants report their facts: forgetting goes by clock, so a participant
// that lags may find its events too_late because of facts that never waited
// for it.
func warnOfSharedClocks(list []engine.Expectation, log *service.Logger) {
	first := map[string]engine.Expectation{}
	for _, x := range list {
		f, ok := first[x.Clock]
		if !ok {
			first[x.Clock] = x
			continue
		}
		if !sameSet(f.Expect, x.Expect) {
			log.Warnf("expectations %q and %q share clock %q but expect other participants (%v and %v): give one of them a clock of its own, or a participant that lags may be told too_late for its sake",
				f.Name, x.Name, x.Clock, f.Expect, x.Expect)
		}
	}
}

// warnOfHidden points out expectations that never judge, because one that takes
// every event stands before them.
func warnOfHidden(list []engine.Expectation, log *service.Logger) {
	every := func(globs []string) bool { return len(globs) == 0 || slices.Contains(globs, "*") }
	first := slices.IndexFunc(list, func(x engine.Expectation) bool { return every(x.Types) && every(x.Tenants) })
	if first < 0 {
		return
	}
	for _, x := range list[first+1:] {
		log.Warnf("expectation %q never judges: %q before it takes the events of all types and tenants; put it in front of that, or give that one types", x.Name, list[first].Name)
	}
}

func sameSet(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	in := map[string]bool{}
	for _, s := range a {
		in[s] = true
	}
	for _, s := range b {
		if !in[s] {
			return false
		}
	}
	return true
}

func parseExpectations(conf *service.ParsedConfig) ([]engine.Expectation, error) {
	list, err := conf.FieldObjectList(rcFieldExpectations)
	if err != nil {
		return nil, err
	}
	var out []engine.Expectation
	for _, c := range list {
		x, err := parseExpectation(c)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func parseExpectation(c *service.ParsedConfig) (x engine.Expectation, err error) {
	for name, s := range map[string]*string{rcFieldName: &x.Name, rcFieldPrimary: &x.Primary, rcFieldClock: &x.Clock} {
		if *s, err = c.FieldString(name); err != nil {
			return x, err
		}
	}
	for name, l := range map[string]*[]string{rcFieldTypes: &x.Types, rcFieldTenants: &x.Tenants, rcFieldExpect: &x.Expect, rcFieldOptional: &x.Optional} {
		if *l, err = c.FieldStringList(name); err != nil {
			return x, err
		}
	}
	for name, d := range map[string]*time.Duration{rcFieldWindow: &x.Window, rcFieldLateness: &x.AllowedLateness} {
		if *d, err = c.FieldDuration(name); err != nil {
			return x, fmt.Errorf("expectation %q: %s takes a duration such as 60s: %w", x.Name, name, err)
		}
	}
	if x.Quorum, err = c.FieldInt(rcFieldQuorum); err != nil {
		return x, err
	}
	fields, err := c.FieldObjectList(rcFieldCompare)
	if err != nil {
		return x, err
	}
	for _, f := range fields {
		cmp, err := parseCompare(f)
		if err != nil {
			return x, fmt.Errorf("expectation %q: %w", x.Name, err)
		}
		x.Compare = append(x.Compare, cmp)
	}
	return x, nil
}

func parseCompare(c *service.ParsedConfig) (out engine.Compare, err error) {
	if out.Field, err = c.FieldString(rcFieldField); err != nil {
		return out, err
	}
	for name, s := range map[string]*string{rcFieldTolerance: &out.Tolerance, rcFieldRelative: &out.Relative} {
		if !c.Contains(name) {
			continue
		}
		f, err := c.FieldFloat(name)
		if err != nil {
			return out, err
		}
		// The shortest decimal that reads as this float is what was written.
		*s = strconv.FormatFloat(f, 'f', -1, 64)
	}
	if c.Contains(rcFieldWithin) {
		if out.Within, err = c.FieldDuration(rcFieldWithin); err != nil {
			return out, fmt.Errorf("within of field %s takes a duration such as 2s: %w", out.Field, err)
		}
		if out.Within <= 0 {
			return out, fmt.Errorf("within %s of field %s: it takes a duration above 0, such as 2s", out.Within, out.Field)
		}
	}
	for name, b := range map[string]*bool{rcFieldIgnoreCase: &out.IgnoreCase, rcFieldUnordered: &out.Unordered, rcFieldNullIsAbsent: &out.NullIsAbsent} {
		if *b, err = c.FieldBool(name); err != nil {
			return out, err
		}
	}
	return out, nil
}
