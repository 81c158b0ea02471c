package api

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/kafkaconn"
	"github.com/helios-connect/helios/internal/storetest"
	"github.com/helios-connect/helios/plugins/store/query"
	"github.com/helios-connect/helios/plugins/telemetry"
)

var update = flag.Bool("update", false, "write the golden files")

// nowhere is a log that nobody answers for.
var nowhere = connection("127.0.0.1:1")

func connection(brokers string) kafkaconn.Connection {
	conn, err := kafkaconn.FromEnvironment(func(name string) string {
		return map[string]string{"HELIOS_KAFKA_BROKERS": brokers}[name]
	})
	if err != nil {
		panic(err)
	}
	return conn
}

// newServer starts an API over a store.
func newServer(t *testing.T, dsn, token string, conn kafkaconn.Connection) (s *Server, base string) {
	t.Helper()
	rows, err := query.New(dsn)
	require.NoError(t, err)
	s, err = New(Config{Access: Access{Address: "127.0.0.1:0", Token: token}, Store: rows, Log: conn, Version: "test"})
	require.NoError(t, err)
	address, err := s.Start()
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.NoError(t, rows.Close())
	})
	return s, "http://" + address
}

// get asks and returns the status and the answer; headers are name, value.
func get(t *testing.T, url string, headers ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body), resp.Header
}

func into[T any](t *testing.T, text string) (value T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &value), text)
	return value
}

type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next_cursor"`
}

func TestPagesOfTheStore(t *testing.T) {
	storetest.InBothDialects(t, func(t *testing.T, dsn string) {
		var events, verdicts []string
		for i := range 25 {
			events = append(events, storetest.Event(map[string]any{"id": fmt.Sprint(i), "time": storetest.Start.Add(time.Duration(i/4) * time.Second).Format(time.RFC3339Nano)}))
			verdicts = append(verdicts, storetest.Verdict(i, 1, i/4, nil))
		}
		storetest.Write(t, dsn, "events", events...)
		storetest.Write(t, dsn, "verdicts", verdicts...)
		_, base := newServer(t, dsn, "", nowhere)
		for _, path := range []string{"/api/v1/events", "/api/v1/verdicts", "/api/v1/verdicts?history=true"} {
			t.Run(path, func(t *testing.T) {
				seen, cursor := map[string]int{}, ""
				join := "?"
				if strings.Contains(path, "?") {
					join = "&"
				}
				for n := 0; ; n++ {
					require.Less(t, n, 10)
					status, body, _ := get(t, base+path+join+"limit=4&cursor="+cursor)
					require.Equal(t, http.StatusOK, status, body)
					listing := into[page[struct{ ID string }]](t, body)
					for _, item := range listing.Items {
						seen[item.ID]++
					}
					if cursor = listing.Next; cursor == "" {
						break
					}
				}
				require.Len(t, seen, 25)
				for id, times := range seen {
					require.Equal(t, 1, times, id)
				}
			})
		}
		status, body, _ := get(t, base+"/api/v1/stats")
		require.Equal(t, http.StatusOK, status, body)
		require.Len(t, into[struct{ Windows []Window }](t, body).Windows, 3)
	})
}

func TestAWrongClockHidesNoRecentEvent(t *testing.T) {
	storetest.InBothDialects(t, func(t *testing.T, dsn string) {
		now := time.Now()
		at := func(id string, when time.Time) string {
			return storetest.Event(map[string]any{"id": id, "correlationid": "k-" + id, "time": when.Format(time.RFC3339Nano)})
		}
		storetest.Write(t, dsn, "events",
			at("old", now.Add(-time.Hour)), at("recent", now.Add(-time.Second)), at("skewed", now.Add(time.Minute)),
			at("tomorrow", now.Add(24*time.Hour)), at("2099", time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC)))
		_, base := newServer(t, dsn, "", nowhere)
		for asked, want := range map[string][]string{
			"": {"skewed", "recent", "old"},
			"since=" + now.Add(-time.Minute).UTC().Format(time.RFC3339): {"skewed", "recent"},
			"until=2200-01-01T00:00:00Z":                                {"2099", "tomorrow", "skewed", "recent", "old"},
			"since=2050-01-01T00:00:00Z":                                {"2099"},
			"key=k-tomorrow":                                            {"tomorrow"},
		} {
			var got []string
			for cursor, n := "", 0; n == 0 || cursor != ""; n++ {
				require.Less(t, n, 10)
				status, body, _ := get(t, base+"/api/v1/events?limit=1&cursor="+cursor+"&"+asked)
				require.Equal(t, http.StatusOK, status, body)
				listing := into[page[struct{ ID string }]](t, body)
				for _, item := range listing.Items {
					got = append(got, item.ID)
				}
				cursor = listing.Next
			}
			require.Equal(t, want, got, asked)
		}
	})
}

func TestAFactIsShownSideBySideWithItsHistory(t *testing.T) {
	dsn := storetest.SQLite(t)
	at := storetest.Start.Format(time.RFC3339Nano)
	named := map[string]any{"aws": map[string]any{"id": "a", "source": "/orders", "time": at}, "gcp": map[string]any{"id": "g", "source": "/orders", "time": at}}
	storetest.Write(t, dsn, "events",
		storetest.Event(map[string]any{"id": "a", "heliosformat": "eventbridge", "data": map[string]any{"amount": 10, "currency": "EUR", "note": "<b>x</b>",
			"number": json.RawMessage("9007199254740993"), "rates": json.RawMessage("[1.50]")}}),
		storetest.Event(map[string]any{"id": "g", "cloud": "gcp", "data": map[string]any{"amount": 12.0, "currency": "eur",
			"number": json.RawMessage("9007199254740992"), "rates": json.RawMessage("[15e-1]")}}),
		storetest.Event(map[string]any{"id": "other", "correlationid": "ord-2"}))
	storetest.Write(t, dsn, "verdicts",
		storetest.Verdict(1, 1, 0, map[string]any{"status": "missing", "missing": []string{"gcp"}, "diffs": []any{}}),
		storetest.Verdict(1, 2, 5, map[string]any{"closed_by": "late_event", "events": named}))
	_, base := newServer(t, dsn, "", nowhere)
	status, body, _ := get(t, base+"/api/v1/verdicts/"+storetest.VerdictID(1))
	require.Equal(t, http.StatusOK, status, body)
	fact := into[Fact](t, body)
	require.Equal(t, "mismatched", fact.Status)
	require.Len(t, fact.Events, 2)
	type field struct {
		name            string
		differs, judged bool
	}
	var fields []field
	for _, f := range fact.Fields {
		fields = append(fields, field{f.Field, f.Differs, f.Judged})
	}
	require.Equal(t, []field{{"data.amount", true, true}, {"data.currency", true, false}, {"data.note", true, false}, {"data.number", true, false},
		{"data.rates", false, false}, {"time", false, false}}, fields)
	require.Equal(t, []string{"gcp"}, fact.Fields[0].Outliers)
	require.Len(t, fact.History, 2)
	require.Empty(t, fact.History[0].Changes)
	var changed []string
	for _, c := range fact.History[1].Changes {
		changed = append(changed, c.Member+": "+string(c.Before)+" > "+string(c.After))
	}
	require.Contains(t, changed, `status: "missing" > "mismatched"`)
	require.Contains(t, changed, `missing: ["gcp"] > []`)

	status, body, _ = get(t, base+"/api/v1/verdicts/"+storetest.VerdictID(7))
	require.Equal(t, http.StatusNotFound, status, body)
}

func TestWhatIsAskedWrongIsAProblem(t *testing.T) {
	dsn := storetest.SQLite(t)
	storetest.Write(t, dsn, "events", storetest.Event(nil))
	_, base := newServer(t, dsn, "", nowhere)
	for path, status := range map[string]int{
		"/api/v1/events?limit=0":                                    422,
		"/api/v1/events?limit=501":                                  422,
		"/api/v1/events?limit=-9999999999999999999":                 422,
		"/api/v1/events?cursor=AAAA":                                422,
		"/api/v1/events?cursor=" + strings.Repeat("A", 600):         422,
		"/api/v1/events?since=yesterday":                            422,
		"/api/v1/events?nothing=1":                                  422,
		"/ws/events?tenant=a;b":                                     422,
		"/ws/verdicts?cloud=%zz":                                    422,
		"/api/v1/verdicts?status=matched'%20OR%20'1'='1":            422,
		"/api/v1/verdicts/'%20OR%20'1'='1":                          422,
		"/api/v1/verdicts/..%2f..%2fetc%2fpasswd":                   404,
		"/api/v1/nothing":                                           404,
		"/console/../console.js.map":                                404,
		"/ws/events?rate=1":                                         422,
		"/ws/verdicts?max_rate=-1":                                  422,
		"/ws/verdicts?status=a&status=b":                            422,
		"/api/v1/events?tenant=" + strings.Repeat("x", 2000):        422,
		"/api/v1/events?key=" + strings.Repeat("%00", 1000) + "&t=": 422,
	} {
		got, body, header := get(t, base+path)
		require.Equal(t, status, got, "%s: %s", path, body)
		require.Equal(t, "application/problem+json", header.Get("Content-Type"), path)
		require.Equal(t, status, into[struct{ Status int }](t, body).Status, path)
	}
	for _, since := range []string{"yesterday", "1h", "2026-11-27", "2026-11-27T18:00:00+01:00"} { // the last without its + escaped
		_, body, _ := get(t, base+"/api/v1/verdicts?since="+since)
		require.Contains(t, body, "it takes an RFC 3339 time such as 2026-11-27T18:00:00Z")
		require.Contains(t, body, "query.since")
	}
	for _, hostile := range []string{"%27;DROP%20TABLE%20helios_events;--", "%00", "%ff%fe", "%25", "%F0%9F%92%A9"} {
		status, body, _ := get(t, base+"/api/v1/events?key="+hostile+"&tenant="+hostile)
		require.Equal(t, 200, status, body)
		require.Empty(t, into[page[Event]](t, body).Items)
	}
	status, body, _ := get(t, base+"/api/v1/events")
	require.Equal(t, 200, status, body)
	require.Len(t, into[page[Event]](t, body).Items, 1, "the event is still there")
}

const secret = "a-token-of-enough-length"

func TestTheTokenIsDemandedWhereOneIsConfigured(t *testing.T) {
	dsn := storetest.SQLite(t)
	storetest.Write(t, dsn, "events", storetest.Event(nil))
	_, base := newServer(t, dsn, secret, nowhere)
	for _, path := range []string{"/api/v1/events", "/api/v1/verdicts", "/api/v1/stats", "/api/v1/health/detailed", "/metrics", "/ws/events", "/ws/verdicts"} {
		for name, headers := range map[string][]string{
			"none":      nil,
			"wrong":     {"Authorization", "Bearer a-token-of-enough-lengtx"},
			"prefix":    {"Authorization", "Bearer " + secret[:20]},
			"basic":     {"Authorization", "Basic " + secret},
			"wrong sub": {"Sec-WebSocket-Protocol", "helios, helios.bearer.AAAA"},
		} {
			status, body, header := get(t, base+path, headers...)
			require.Equal(t, http.StatusUnauthorized, status, "%s %s: %s", path, name, body)
			require.Contains(t, header.Get("WWW-Authenticate"), "Bearer", path)
			require.NotContains(t, body, secret)
		}
	}
	status, body, _ := get(t, base+"/api/v1/events", "Authorization", "Bearer "+secret, "Host", "helios.example.com")
	require.Equal(t, http.StatusOK, status, body)
	for _, open := range []string{"/", "/console.js", "/docs", "/api/v1/health", "/openapi.json"} {
		status, body, _ = get(t, base+open)
		require.Equal(t, http.StatusOK, status, open)
		require.NotContains(t, body, "ord-1")
	}
}

func TestWithoutATokenOnlyTheLoopbackIsAnswered(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), "", nowhere)
	for host, allowed := range map[string]bool{"localhost:8088": true, "127.0.0.1": true, "[::1]:8088": true, "evil.example": false, "127.0.0.1.evil.example:80": false, "10.0.0.1": false} {
		status, body, _ := get(t, base+"/metrics", "Host", host)
		if allowed {
			require.Equal(t, http.StatusOK, status, host+body)
		} else {
			require.Equal(t, http.StatusMisdirectedRequest, status, host+body)
		}
	}
}

func TestAddressesThatOthersReachNeedAToken(t *testing.T) {
	for _, refused := range []Access{
		{Address: "0.0.0.0:8088"}, {Address: ":8088"}, {Address: "[::]:8088"}, {Address: "192.168.1.5:8088"}, {Address: "helios.example.com:80"},
		{Address: "8088"}, {Address: "127.0.0.1:http"}, {Address: "127.0.0.1:70000"}, {Address: "127.0.0.1:8088", Token: "short"}, {Address: "0.0.0.0:8088", Token: "short"},
	} {
		err := refused.Validate()
		require.Error(t, err, refused.Address)
		require.NotContains(t, err.Error(), "short")
		require.Contains(t, err.Error(), "HELIOS_API_")
		_, err = New(Config{Access: refused})
		require.Error(t, err, refused.Address)
	}
	for _, allowed := range []Access{{Address: "127.0.0.1:0"}, {Address: "localhost:8088"}, {Address: "[::1]:8088"}, {Address: "0.0.0.0:8088", Token: secret}, {Address: ":8088", Token: secret}} {
		require.NoError(t, allowed.Validate(), allowed.Address)
	}
	access, err := AccessFromEnvironment(func(string) string { return "" })
	require.NoError(t, err)
	require.Equal(t, DefaultAddress, access.Address)
}

func TestRolesThatAreTooSmallAreRefused(t *testing.T) {
	s, err := New(Config{Access: Access{Address: "127.0.0.1:0"}, Store: &query.DB{}, Log: nowhere})
	require.NoError(t, err)
	called := false
	guarded := s.guard(Operator, func(http.ResponseWriter, *http.Request) { called = true })
	answer := httptest.NewRecorder()
	guarded(answer, httptest.NewRequest(http.MethodPost, "http://localhost/x", nil))
	require.Equal(t, http.StatusForbidden, answer.Code, answer.Body)
	require.False(t, called)
}

func TestHealthSaysWhatIsDownAndSinceWhen(t *testing.T) {
	dsn := storetest.SQLite(t)
	kafka, err := embedded.StartKafka(context.Background(), embedded.KafkaConfig{})
	require.NoError(t, err)
	defer kafka.Close()
	_, base := newServer(t, dsn, "", connection(kafka.Addrs()[0]))
	detailed := func() (string, map[string]Dependency) {
		status, body, _ := get(t, base+"/api/v1/health/detailed")
		require.Equal(t, http.StatusOK, status, body)
		answer := into[struct {
			Status       string
			Dependencies []Dependency
		}](t, body)
		byName := map[string]Dependency{}
		for _, d := range answer.Dependencies {
			byName[d.Name] = d
		}
		return answer.Status, byName
	}
	status, known := detailed()
	require.Equal(t, stateDegraded, status)
	require.Equal(t, stateUp, known["log"].State)
	require.Equal(t, stateDown, known["store"].State)
	require.NotEmpty(t, known["store"].LastError)
	code, body, _ := get(t, base+"/api/v1/events")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.NotContains(t, body, "store.db", "what is wrong inside is for those who look at the health")

	storetest.Write(t, dsn, "verdicts", storetest.Verdict(1, 1, 0, nil))
	require.Eventually(t, func() bool {
		status, known = detailed()
		return status == stateOK
	}, 10*freshEnough, freshEnough/10, "a check is repeated once it is old")
	require.Equal(t, stateUp, known["store"].State)
	require.Empty(t, known["store"].LastError, "it had never been there before")
	require.NotNil(t, known["store"].Since)
	code, body, _ = get(t, base+"/api/v1/health")
	require.Equal(t, http.StatusOK, code)
	require.JSONEq(t, `{"status":"ok"}`, body)
}

func TestAReaderThatGoesTakesNoDependencyDown(t *testing.T) {
	h := newHealth(newMetrics(), time.Now, dependency{name: "store", ping: func(ctx context.Context) error { return ctx.Err() }})
	gone, leave := context.WithCancel(context.Background())
	leave()
	h.check(gone)
	_, known := h.state()
	require.NotEqual(t, stateDown, known[0].State)
	h.check(context.Background())
	_, known = h.state()
	require.Equal(t, stateUp, known[0].State)
}

// silent is a store that answers nothing before its caller gives up.
type silent struct{ *query.DB }

func (silent) Stats(ctx context.Context, _ time.Time, _ ...time.Duration) ([]query.Figures, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestNobodyWaitsForTheFiguresLongerThanForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{config: Config{Store: silent{}}, stats: newStatsCache()}
		for range 8 {
			go func() {
				began := time.Now()
				_, err := s.figures(t.Context(), began)
				assert.Error(t, err)
				assert.Equal(t, queryPatience, time.Since(began))
			}()
			time.Sleep(time.Second)
		}
		time.Sleep(queryPatience)
	})
}

func TestTheSpecificationIsTheGoldenOne(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), "", nowhere)
	status, body, _ := get(t, base+"/openapi.json")
	require.Equal(t, http.StatusOK, status)
	var spec map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &spec))
	require.Equal(t, "3.1.0", spec["openapi"])
	pretty, err := json.MarshalIndent(spec, "", "  ")
	require.NoError(t, err)
	pretty = append(pretty, '\n')
	golden := filepath.Join("testdata", "openapi.json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, pretty, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(pretty), "go test ./internal/api -update writes it")
}

func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), "", nowhere)
	for path := range pageFiles {
		status, body, header := get(t, base+path)
		require.Equal(t, http.StatusOK, status, path)
		require.Equal(t, contentSecurityPolicy, header.Get("Content-Security-Policy"))
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
		for _, forbidden := range []string{"https://", "innerHTML", "insertAdjacentHTML", "document.write", "eval(", "style=\"", "onclick="} {
			require.NotContains(t, body, forbidden, path)
		}
		require.NotContains(t, strings.ReplaceAll(body, "http://www.w3.org/2000/svg", ""), "http://", path)
	}
}

func TestTheMetricsAreServedAndDocumented(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), "", nowhere)
	get(t, base+"/api/v1/health/detailed")
	_, body, _ := get(t, base+"/metrics")
	guide, err := os.ReadFile("../../docs/api.md")
	require.NoError(t, err)
	for _, m := range telemetry.API() {
		require.Contains(t, body, "# HELP "+m.Name+" "+m.Help)
		require.Contains(t, string(guide), "`"+m.Name+"` | "+strings.Join(m.Labels, ", "), m.Name)
	}
}
