// Package demo runs all of Helios in one process: three simulated clouds, an
// embedded Kafka, the pipelines that production runs, and a store in a file. At
// the end it compares every verdict with what is known to be true.
package demo

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/helios-connect/helios/plugins/simulator"
)

// Options of a demo.
type Options struct {
	// Rate in events per second, of all clouds together.
	Rate float64
	// Duration for which the clouds send; 0: until the process is told to stop.
	Duration time.Duration
	// Seed of everything random in the traffic.
	Seed int64
	// Faults as ParseFaults reads them.
	Faults string
	// Direct says that the pipelines are handed the clouds' events. Otherwise
	// they come through emulators of SQS, Pub/Sub and Event Grid, over the
	// protocols of the real ones, which takes about as much of the machine as
	// all the rest.
	Direct bool
	// BreakContract has one producer change a member's name after a while.
	BreakContract bool
	// Port of /metrics and the streams API on 127.0.0.1; 0: a free one.
	Port int
	// APIPort is that of the API and the console on 127.0.0.1; 0, or one that is
	// taken: a free one.
	APIPort int
	// DataDir is a folder in which the run keeps a folder of its own. Empty: a
	// temporary one, which is removed when all verdicts are correct.
	DataDir string
	// JSON: the report is one JSON object on Out, and progress goes to Err.
	JSON bool
	// Out gets the display and the report, Err what goes wrong.
	Out, Err io.Writer
	// Size returns the columns and rows of the terminal that Out is, in which the
	// display redraws itself; zeros when they can't be known. Nil: Out is none.
	Size func() (columns, rows int)
}

// Defaults of the command line.
const (
	DefaultRate   = 1000
	DefaultPort   = 4195
	DefaultFaults = "0.05"
)

// Validate says what is wrong with the options, naming flag and value.
func (o *Options) Validate() error {
	switch {
	case !(o.Rate >= 1 && o.Rate <= simulator.MaxRate):
		return fmt.Errorf("--rate: %v is outside the allowed range 1 to %d events per second, for example 1000", o.Rate, simulator.MaxRate)
	case o.Duration < 0:
		return fmt.Errorf("--duration: %v is negative; 0 means until Ctrl-C", o.Duration)
	case o.Duration > 0 && o.Duration < time.Second:
		return fmt.Errorf("--duration: %v is below one second, for example 30s", o.Duration)
	case o.APIPort < 0 || o.APIPort > 65535:
		return fmt.Errorf("--api-port: %d is outside the allowed range 0 (any free port) to 65535", o.APIPort)
	case o.Port < 0 || o.Port > 65535:
		return fmt.Errorf("--port: %d is outside the allowed range 0 (any free port) to 65535", o.Port)
	case o.BreakContract && o.Direct:
		return errBreakDirect
	case o.BreakContract && o.Duration > 0 && o.Duration <= breakAfter:
		return fmt.Errorf("--duration: %v ends before --break-contract changes anything, which is after %v, for example 2m", o.Duration, breakAfter)
	}
	_, err := ParseFaults(o.Faults)
	return err
}

// ParseFaults reads what --faults says: the fraction of all facts that are
// faulty, then, separated by commas, the classes that are enabled, each with a
// fraction of its own if need be. "0.05" enables all classes,
// "0.1,missing,late=0.02" two, "missing=0.02" one, and "0" or "none" makes
// everything right.
func ParseFaults(text string) (simulator.Faults, error) {
	faults, explicit := simulator.Faults{Fractions: map[string]float64{}}, false
	var sum float64
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		name, number, given := strings.Cut(part, "=")
		if total, err := strconv.ParseFloat(part, 64); err == nil || part == "none" {
			if explicit {
				return faults, faultsError(text, "two totals are given")
			}
			faults.Total, explicit = total, true
			continue
		}
		if !slices.Contains(simulator.FaultClasses(), name) {
			return faults, faultsError(text, fmt.Sprintf("%q is neither a number nor a fault class", part))
		}
		if slices.Contains(faults.Classes, name) {
			return faults, faultsError(text, name+" is named twice")
		}
		faults.Classes = append(faults.Classes, name)
		if !given {
			continue
		}
		fraction, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return faults, faultsError(text, fmt.Sprintf("%q is no number", number))
		}
		faults.Fractions[name] = fraction
		sum += fraction
	}
	if !explicit {
		faults.Total = sum
		if len(faults.Fractions) < len(faults.Classes) {
			faults.Total = max(sum, 0.05)
		}
	}
	if len(faults.Fractions) < len(faults.Classes) && sum >= faults.Total {
		return faults, faultsError(text, "the total leaves nothing for the classes without a fraction")
	}
	if _, err := faults.Mix(); err != nil {
		return faults, fmt.Errorf("--faults %s: %w", text, err)
	}
	return faults, nil
}

func faultsError(text, what string) error {
	return errors.New("--faults " + text + ": " + what + "; allowed are a total such as 0.05, and classes such as missing or late=0.01, separated by commas; the classes are " +
		strings.Join(simulator.FaultClasses(), ", "))
}
