package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/truth"
	"github.com/helios-connect/helios/tests/program"
)

// stack is what the services find under their names.
type stack struct {
	project *types.Project
	folder  string // with what the image holds
	// addresses by the name that a container uses.
	addresses []string
}

// run starts a service's command line with its environment, where host names are
// replaced by addresses of this machine. extra overrides settings, as a user would in
// .env.
func (s *stack) run(t *testing.T, service, listen string, extra ...string) *process {
	t.Helper()
	conf := s.project.Services[service]
	cmd := exec.Command(binary, conf.Command...)
	cmd.Dir = s.folder
	cmd.Env = s.environment(conf, listen)
	return start(t, cmd, extra...)
}

func (s *stack) environment(conf types.ServiceConfig, listen string) []string {
	replace := strings.NewReplacer(append([]string{"0.0.0.0:4195", listen, "0.0.0.0:8088", listen}, s.addresses...)...)
	env := []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range conf.Environment {
		if value != nil {
			env = append(env, name+"="+replace.Replace(*value))
		}
	}
	return env
}

// healthy runs the service's health check.
func (s *stack) healthy(t *testing.T, service, listen string) bool {
	t.Helper()
	conf := s.project.Services[service]
	require.Equal(t, types.HealthCheckTest{"CMD", "helios-connect", "healthcheck"}, conf.HealthCheck.Test[:3])
	check := exec.Command(binary, conf.HealthCheck.Test[2:]...)
	check.Env = s.environment(conf, listen)
	return check.Run() == nil
}

// image makes a folder with what the image holds, and nothing else.
func image(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	copied := 0
	for line := range strings.Lines(text(t, "Dockerfile")) {
		if from, to, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "COPY "), " "); ok && from == to && from != "." && strings.HasPrefix(line, "COPY ") {
			require.NoError(t, os.CopyFS(filepath.Join(folder, to), os.DirFS(filepath.Join(root, from))))
			copied++
		}
	}
	require.Equal(t, 3, copied)
	return folder
}

func files(t *testing.T, folder string) (found []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		found = append(found, path)
		return err
	}))
	return found
}

// startRedis starts the server by the command line of the service.
func startRedis(t *testing.T, p *types.Project) (address string) {
	t.Helper()
	program.Find(t, "redis-server")
	conf := p.Services["redis"]
	address = free(t)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	require.Equal(t, []string{"sh", "-c"}, []string(conf.Command[:2]))
	script := strings.ReplaceAll(conf.Command[2], "$$", "$")
	script = strings.Replace(script, "--dir /data", "--dir "+t.TempDir()+" --bind 127.0.0.1 --port "+port, 1)
	password := *conf.Environment["REDIS_PASSWORD"]
	server := start(t, exec.Command("sh", "-c", script), "REDIS_PASSWORD="+password)
	check := strings.Replace(strings.ReplaceAll(conf.HealthCheck.Test[1], "$$", "$"), "redis-cli ", "redis-cli -p "+port+" ", 1)
	server.await(t, "Redis's health check", func() bool {
		c := exec.Command("sh", "-c", check)
		c.Env = append(os.Environ(), "REDIS_PASSWORD="+password)
		return c.Run() == nil
	})
	return address
}

// The services of Helios run by their own command lines and environments, on a real
// PostgreSQL and a real Redis, and what the simulated clouds push ends in PostgreSQL as
// the verdicts that the simulator wrote down beforehand. Grafana's role reads them.
func TestTheStackJudgesWhatTheSimulatorPushes(t *testing.T) {
	for name, kafka := range kafkas {
		t.Run(name, func(t *testing.T) { judgesWhatTheSimulatorPushes(t, kafka(t)) })
	}
}

func judgesWhatTheSimulatorPushes(t *testing.T, kafka string) {
	t.Helper()
	p := load(t, full, secrets(t))
	db := startDatabase(t, p)
	cache := startRedis(t, p)
	registry := embedded.StartRegistry()
	t.Cleanup(registry.Close)
	webhook := free(t)
	s := &stack{project: p, folder: image(t), addresses: []string{
		"redpanda:9092", kafka, "http://redpanda:8081", registry.URL(),
		"@postgres:5432", "@" + db.address, "@redis:6379", "@" + cache,
		"0.0.0.0:8443", webhook, "http://helios:8443", "http://" + webhook,
	}}
	before := files(t, s.folder)
	s.prepare(t)
	helios, address := s.startHelios(t)
	expected := s.publish(t)

	reader := connect(t, db.reader())
	awaitVerdicts(t, helios, expected, reader)
	awaitDeadLetters(t, helios, expected, reader)
	require.Greater(t, claims(t, p, cache), int64(300), "duplicates are not looked for in Redis")
	require.Contains(t, fetch("http://"+address+"/metrics"), "helios_dedupe")
	for _, path := range []string{"/streams", "/streams/reconcile", "/resources/cache/x"} {
		require.Equal(t, http.StatusNotFound, statusOf(t, "http://"+address+path, ""), "the streams API shows secrets at %s", path)
	}
	s.asksTheAPI(t)

	helios.stop(t, time.Duration(*p.Services["helios"].StopGracePeriod))
	require.Equal(t, before, files(t, s.folder), "the root of the image is read-only")
	for name, value := range p.Services["postgres"].Environment {
		if strings.HasSuffix(name, "_PASSWORD") {
			require.NotContains(t, helios.log.String(), *value, name)
		}
	}
}

// asksTheAPI runs the service serve, which reads with Grafana's role, and asks it with
// the token and without.
func (s *stack) asksTheAPI(t *testing.T) {
	t.Helper()
	address := free(t)
	require.False(t, s.healthy(t, "serve", address))
	serve := s.run(t, "serve", address)
	serve.await(t, "the health check of serve", func() bool { return s.healthy(t, "serve", address) })
	base, token := "http://"+address, *s.project.Services["serve"].Environment["HELIOS_API_TOKEN"]
	for _, path := range []string{"/api/v1/stats", "/api/v1/events", "/api/v1/verdicts", "/api/v1/health/detailed", "/metrics"} {
		require.Equal(t, http.StatusUnauthorized, statusOf(t, base+path, ""), path)
		require.Equal(t, http.StatusUnauthorized, statusOf(t, base+path, token[1:]), path)
		require.Equal(t, http.StatusOK, statusOf(t, base+path, token), path)
	}
	require.Equal(t, http.StatusOK, statusOf(t, base+"/api/v1/health", ""))
	status, body := ask(t, base+"/api/v1/verdicts?limit=1", token)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `"verdict`)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", serve.cmd.Process.Pid))
	if err == nil { // elsewhere there is no /proc
		for line := range strings.Lines(string(stat)) {
			var kib int64
			if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kib); n == 1 {
				limit := int64(s.project.Services["serve"].MemLimit)
				t.Logf("serve: %d MiB of its own, of %d", kib>>10, limit>>20)
				require.Less(t, kib<<10, limit)
			}
		}
	}
	serve.stop(t, 10*time.Second)
	require.NotContains(t, serve.log.String(), token)
}

func statusOf(t *testing.T, url, token string) int {
	t.Helper()
	status, _ := ask(t, url, token)
	return status
}

// ask sends a request with a token, or without any.
func ask(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(raw)
}

// prepare runs the services that end by themselves.
func (s *stack) prepare(t *testing.T) {
	t.Helper()
	for range 2 { // a second time, as after a restart
		topics := s.run(t, "topics", "")
		topics.awaitEnd(t, patience)
		require.Regexp(t, "helios.verdicts (has 6 partitions now|is there already)", topics.log.String())
		contracts := s.run(t, "contracts", "")
		contracts.awaitEnd(t, patience)
		require.Regexp(t, "com.example.order.paid( is version 1 now|: version 1 says the same already)", contracts.log.String())
	}
}

// startHelios starts the service and returns when its health check is content.
func (s *stack) startHelios(t *testing.T) (helios *process, address string) {
	t.Helper()
	address = free(t)
	require.False(t, s.healthy(t, "helios", address))
	helios = s.run(t, "helios", address)
	helios.await(t, "the health check of helios", func() bool { return s.healthy(t, "helios", address) })
	for _, line := range []string{"aws: webhook for api_destination", "gcp: webhook for pubsub_push", "azure: webhook for event_grid"} {
		require.Contains(t, helios.log.String(), line)
	}
	return helios, address
}

// publish runs the simulated clouds until they have sent all, and returns what is true.
func (s *stack) publish(t *testing.T) (expected *truth.Ledger) {
	t.Helper()
	ledger, address := filepath.Join(t.TempDir(), "truth.jsonl"), free(t)
	simulator := s.run(t, "simulator", address,
		"HELIOS_DEMO_LEDGER="+ledger, "HELIOS_DEMO_DURATION=5s", "HELIOS_DEMO_FAULTS=0.2")
	simulator.await(t, "the health check of the simulator", func() bool { return s.healthy(t, "simulator", address) })
	simulator.await(t, "the end of the simulated business", func() bool {
		var err error
		expected, err = truth.ReadFile(ledger)
		return err == nil && expected.Complete
	})
	simulator.stop(t, 10*time.Second) // what Docker grants by itself
	require.Greater(t, len(expected.Facts), 200)
	return expected
}

// awaitVerdicts is until every fact of the ledger has the verdict that it must have.
func awaitVerdicts(t *testing.T, helios *process, expected *truth.Ledger, reader *pgx.Conn) {
	t.Helper()
	var report *truth.Report
	helios.await(t, "every fact to be judged rightly", func() bool {
		report = judge(t, expected, reader)
		return report.Wrong == 0
	})
	for _, class := range report.Classes {
		require.Equal(t, class.Facts, class.Right, class.Class)
	}
	t.Logf("%d facts judged rightly", len(expected.Facts))
}

// awaitDeadLetters is until every malformed event is a dead letter, and no other.
func awaitDeadLetters(t *testing.T, helios *process, expected *truth.Ledger, reader *pgx.Conn) {
	t.Helper()
	_, malformed := expected.Totals()
	require.Positive(t, malformed)
	var letters int64
	helios.await(t, "every malformed event to be a dead letter", func() bool {
		require.NoError(t, reader.QueryRow(t.Context(), "SELECT count(*) FROM helios_dead_letters").Scan(&letters))
		return letters >= malformed
	})
	require.Equal(t, malformed, letters)
}

// claims counts what helios_dedupe keeps in Redis.
func claims(t *testing.T, p *types.Project, address string) int64 {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: address, Password: *p.Services["redis"].Environment["REDIS_PASSWORD"]})
	defer client.Close()
	n, err := client.DBSize(t.Context()).Result()
	require.NoError(t, err)
	return n
}

// judge compares the current verdicts with the ledger.
func judge(t *testing.T, l *truth.Ledger, reader *pgx.Conn) *truth.Report {
	t.Helper()
	report, err := truth.Judge(l, verdicts(t.Context(), reader), truth.Counts{})
	require.NoError(t, err)
	return report
}

func verdicts(ctx context.Context, reader *pgx.Conn) iter.Seq2[truth.Verdict, error] {
	return func(yield func(truth.Verdict, error) bool) {
		rows, err := reader.Query(ctx, "SELECT verdict FROM helios_verdicts")
		if err != nil {
			yield(truth.Verdict{}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var v truth.Verdict
			var document []byte
			if err = rows.Scan(&document); err == nil {
				err = json.Unmarshal(document, &v)
			}
			if !yield(v, err) {
				return
			}
		}
		if err = rows.Err(); err != nil {
			yield(truth.Verdict{}, err)
		}
	}
}
