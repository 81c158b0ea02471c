package simulator

import (
	"fmt"
	"time"
)

// StallScope says what falls silent when a cloud stalls.
type StallScope uint8

const (
	// StallChannel silences the cloud's channel for returns, a few facts in a
	// hundred.
	StallChannel StallScope = iota
	// StallCloud silences everything the cloud sends.
	StallCloud
)

var stallScopeNames = []string{"channel", "cloud"}

// String returns the name that the configuration uses.
func (s StallScope) String() string { return stallScopeNames[s] }

// Options of a Generator. The same options give the same sequence.
type Options struct {
	Seed uint64
	// Start is the instant of the virtual time 0. It moves every time in the
	// events and is part of the order numbers, so that two runs never report
	// the same fact; nothing else depends on it.
	Start time.Time
	// Rate is how many events all clouds together get in a second.
	Rate float64
	// Tenants that the orders are spread over.
	Tenants []string
	// Mix is the fraction of facts by fault class.
	Mix Mix
	// SingleCloud is the share of facts that live on one cloud only.
	SingleCloud float64
	// Window, AllowedLateness and IdleTimeout are those of the expectations
	// that judge. The simulator only times its faults by them.
	Window, AllowedLateness, IdleTimeout time.Duration
	// StallScope says what falls silent when a cloud stalls.
	StallScope StallScope
	// Count is the number of facts, 0 for no limit; facts of the drain come on
	// top.
	Count uint64
	// Duration is the virtual time for which facts are made, 0 for no limit.
	Duration time.Duration
}

// MaxRate is the highest rate, in events per second.
const MaxRate = 100_000

// DefaultSingleCloud is the share of facts that live on one cloud only.
const DefaultSingleCloud = 0.05

// singleShares are the clouds' parts of the facts that live on one cloud only.
var singleShares = [cloudCount]float64{AWS: 0.40, GCP: 0.30, Azure: 0.30}

// Validate says what is wrong with the options, naming field and value.
func (o *Options) Validate() error {
	if !(o.Rate >= 1 && o.Rate <= MaxRate) {
		return fmt.Errorf("rate: %v is outside the allowed range 1 to %d events per second", o.Rate, MaxRate)
	}
	if len(o.Tenants) == 0 {
		return fmt.Errorf("tenants: at least one tenant is needed, for example [acme]")
	}
	if len(o.Tenants) > 1<<16 {
		return fmt.Errorf("tenants: %d are more than the allowed %d", len(o.Tenants), 1<<16)
	}
	for i, t := range o.Tenants {
		if t == "" {
			return fmt.Errorf("tenants[%d]: a tenant's name must not be empty", i)
		}
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"window", o.Window}, {"allowed_lateness", o.AllowedLateness}, {"idle_timeout", o.IdleTimeout}} {
		if d.value < 100*time.Millisecond || d.value > 15*time.Minute {
			return fmt.Errorf("%s: %v is outside the allowed range 100ms to 15m, for example 5s", d.field, d.value)
		}
	}
	if o.Duration < 0 {
		return fmt.Errorf("duration: %v is negative; 0 means no limit", o.Duration)
	}
	return nil
}
