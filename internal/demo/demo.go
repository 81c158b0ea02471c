package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/helios-connect/helios/internal/embedded"
)

// ErrVerdicts is returned when the run came to its end and the report says that
// something is wrong. The report has been written.
var ErrVerdicts = errors.New("not all verdicts are correct")

// exitInterrupted is the exit status after a second Ctrl-C.
const exitInterrupted = 130

// gcPercent is how much a demo's heap may grow before it is collected, in percent of
// what lives: as much as keeps the process about at 300 MB at 1,000 events/s, of
// which 130 MB are the program itself.
const gcPercent = 140

// partitions of the topics: one process needs few, and each has its own batches.
const partitions = 3

// Run runs a demo to its end: the duration is over, or the process got SIGINT
// or SIGTERM once. A second signal ends the process at once.
func Run(ctx context.Context, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	port, err := freePort(o.Port)
	if err != nil {
		return err
	}
	ws, err := newWorkspace(o.DataDir, time.Now())
	if err != nil {
		return err
	}
	debug.SetGCPercent(gcPercent)
	stop := stopOnSignal(&o, ws)
	report, err := runIn(ctx, &o, ws, port, stop)
	if err == nil {
		err = report.Write(o.Out, o.JSON)
	}
	return errors.Join(err, ws.leave(o.Err, err))
}

// stopOnSignal returns a channel that is closed by the first signal.
func stopOnSignal(o *Options, ws *workspace) <-chan struct{} {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stop := make(chan struct{})
	go func() {
		<-signals
		drawn := !o.JSON && o.Size != nil
		if !drawn { // the screen says it itself
			fmt.Fprintln(o.Err, "\nEnding the run; once more to stop at once.")
		}
		close(stop)
		<-signals
		if drawn {
			io.WriteString(o.Out, showCursor) //nolint:errcheck // a display that can't be seen harms nobody
		}
		fmt.Fprintf(o.Err, "Stopped at once. The run is kept in %s\n", ws.dir)
		os.Exit(exitInterrupted)
	}()
	return stop
}

// runIn runs the demo in its folder and returns the report.
func runIn(ctx context.Context, o *Options, ws *workspace, port int, stop <-chan struct{}) (report *Report, err error) {
	if err := ws.unpack(); err != nil {
		return nil, err
	}
	kafka, err := embedded.StartKafka(ctx, embedded.KafkaConfig{Dir: ws.path(kafkaDir), Partitions: partitions})
	if err != nil {
		return nil, err
	}
	defer kafka.Close()
	address := "127.0.0.1:" + strconv.Itoa(port)
	doors, err := openDoors(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, doors.close()) }()
	contractsIn, err := startRegistry(ctx, ws)
	if err != nil {
		return nil, err
	}
	defer contractsIn.Close()
	environment, err := environmentOf(o, ws, kafka, address)
	if err != nil {
		return nil, err
	}
	maps.Copy(environment, doors.environment())
	maps.Copy(environment, contractEnvironment(o, contractsIn, time.Now()))
	page, err := openConsole(o, environment)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, page.close()) }()
	if o.JSON {
		fmt.Fprintln(o.Err, page.describe())
	} else {
		settings := shellSettings(kafka, contractsIn)
		fmt.Fprintf(o.Out, "Three clouds, %v events/s, seed %d, faults %s. Data and log: %s\n%s.\nFor other commands of Helios: %s\n%s\n\n",
			o.Rate, o.Seed, o.Faults, ws.path(logFile), doors.describe(), settings, page.describe())
		if o.BreakContract {
			fmt.Fprint(o.Out, breakHint(settings))
		}
	}
	streams, err := ws.streams(doors)
	if err != nil {
		return nil, err
	}
	args := append([]string{
		"-o", ws.path("config/service.yaml"), "-r", ws.path("config/log.yaml"), "-r", ws.path("config/contracts.yaml"), "-r", ws.path(doors.resources()),
	}, streams...)
	err = runStreams(ctx, args, environment, func(ctx context.Context) error {
		s := &session{o: o, ws: ws, kafka: kafka, doors: doors, address: address, stop: stop, display: newDisplay(o)}
		var err error
		report, err = s.run(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w (log: %s)", err, ws.path(logFile))
	}
	return report, nil
}

// environmentOf is what ${NAME} stands for in the pipelines and resources, beside
// what the doors need.
func environmentOf(o *Options, ws *workspace, kafka *embedded.Kafka, address string) (map[string]string, error) {
	faults, err := ParseFaults(o.Faults)
	if err != nil {
		return nil, err
	}
	// Lists and maps in YAML's flow style, on one line.
	classes, err := json.Marshal(append([]string{}, faults.Classes...))
	if err != nil {
		return nil, fmt.Errorf("writing the fault classes: %w", err)
	}
	fractions := make([]string, 0, len(faults.Fractions))
	for class, fraction := range faults.Fractions {
		fractions = append(fractions, class+": "+strconv.FormatFloat(fraction, 'f', -1, 64))
	}
	return map[string]string{
		"DEPLOYMENT_MODE":             "demo",
		"HELIOS_HTTP_ADDRESS":         address,
		"HELIOS_KAFKA_BROKERS":        kafka.Addrs()[0],
		"HELIOS_STORE_DSN":            ws.storeDSN(),
		"HELIOS_STORE_PERIOD":         "2s", // a page of an index is written once for all rows of that time
		"HELIOS_LOG_PERIOD":           "100ms",
		"HELIOS_LOG_COMPRESSION":      "snappy", // lz4 keeps buffers of 4 MiB for each request
		"HELIOS_COMMIT_INTERVAL":      "200ms",
		"HELIOS_EXPECTATIONS":         ws.path("config/expectations/demo.yaml"),
		"HELIOS_IDLE_TIMEOUT":         "3s",
		"HELIOS_CORRECTION_HORIZON":   correctionHorizon(o.Rate).String(),
		"HELIOS_LOG_FILE":             ws.path(logFile),
		"HELIOS_LOG_FORMAT":           "logfmt",
		"HELIOS_SHUTDOWN_TIMEOUT":     "30s",
		"HELIOS_DEMO_LEDGER":          ws.path(ledgerFile),
		"HELIOS_DEMO_RATE":            strconv.FormatFloat(o.Rate, 'f', -1, 64),
		"HELIOS_DEMO_SEED":            strconv.FormatInt(o.Seed, 10),
		"HELIOS_DEMO_FAULTS":          strconv.FormatFloat(faults.Total, 'f', -1, 64),
		"HELIOS_DEMO_FAULT_CLASSES":   string(classes),
		"HELIOS_DEMO_FAULT_FRACTIONS": "{" + strings.Join(fractions, ", ") + "}",
	}, nil
}

// correctionHorizon is thirty times what the simulator needs, for machines that are
// busy otherwise, and ten times at rates at which so many judged facts would take
// much memory.
func correctionHorizon(rate float64) time.Duration {
	const usual, least, usualRate = 3 * time.Minute, time.Minute, 3000
	return max(least, time.Duration(min(1, usualRate/rate)*float64(usual)))
}

// leave removes a temporary folder after a run without fault, and names the one
// that is kept after a fault.
func (w *workspace) leave(say io.Writer, failed error) error {
	if failed != nil {
		fmt.Fprintf(say, "The run is kept in %s\n", w.dir)
		return nil
	}
	if !w.temporary {
		return nil
	}
	if err := w.remove(); err != nil {
		return fmt.Errorf("removing the data folder: %w", err)
	}
	return nil
}
