package spans

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"go.opentelemetry.io/otel/trace"
)

// Sampler decides which events are traced, once, when they are received. What
// comes later goes by the flag that the event carries from there.
type Sampler struct {
	threshold   uint64 // of 2^63: what lies below is traced
	followsRoot bool   // the producer's decision counts, where there is one
}

// Samplers lists the names that ParseSampler knows: those of the OpenTelemetry
// specification for OTEL_TRACES_SAMPLER.
func Samplers() []string {
	return []string{"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}
}

// ParseSampler reads a sampler by its name and, for a ratio, its argument
// between 0 and 1.
func ParseSampler(name, argument string) (Sampler, error) {
	switch name {
	case "always_on":
		return Sampler{threshold: 1 << 63}, nil
	case "always_off":
		return Sampler{}, nil
	case "parentbased_always_on":
		return Sampler{threshold: 1 << 63, followsRoot: true}, nil
	case "parentbased_always_off":
		return Sampler{followsRoot: true}, nil
	case "traceidratio", "parentbased_traceidratio":
		ratio, err := strconv.ParseFloat(argument, 64)
		if err != nil || math.IsNaN(ratio) || ratio < 0 || ratio > 1 {
			return Sampler{}, fmt.Errorf("the ratio is %q; a number from 0 to 1 is allowed, for example 0.01", argument)
		}
		return Sampler{threshold: uint64(ratio * (1 << 63)), followsRoot: name != "traceidratio"}, nil
	}
	return Sampler{}, fmt.Errorf("the sampler is %q; allowed are %q", name, Samplers())
}

// sample decides about one event. An event without a trace is taken by its fact,
// so that all clouds' events of a fact are traced or none.
func (s Sampler) sample(parent trace.SpanContext, known bool, tenant, eventType, key []byte) bool {
	switch {
	case known && s.followsRoot:
		return parent.IsSampled()
	case s.threshold == 0:
		return false
	case s.threshold == 1<<63:
		return true
	case known:
		// As the SDK's TraceIDRatioBased does it, so that both decide alike.
		id := parent.TraceID()
		return binary.BigEndian.Uint64(id[8:])>>1 < s.threshold
	}
	return hash(tenant, eventType, key)>>1 < s.threshold
}

// hash is FNV-1a, with the finalizer of MurmurHash3 so that all bits count. It
// is the same in every process and allocates nothing.
func hash(parts ...[]byte) uint64 {
	h := uint64(14695981039346656037)
	for _, part := range parts {
		for _, c := range part {
			h = (h ^ uint64(c)) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
