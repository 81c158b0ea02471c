// Package api is Helios's HTTP API, so far its reading part: figures, events,
// verdicts and health out of the store, live streams out of the log, and a console
// that shows them. docs/api.md explains it.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"

	"github.com/helios-connect/helios/internal/api/live"
	"github.com/helios-connect/helios/internal/kafkaconn"
	"github.com/helios-connect/helios/internal/unusedconn"
	"github.com/helios-connect/helios/plugins/store/query"
)

// Bounds of the listener.
const (
	headerPatience = 5 * time.Second
	idlePatience   = time.Minute
	maxHeaderBytes = 16 << 10
	// maxConnections bounds the files that clients make the process hold. More
	// wait to be accepted.
	maxConnections = 512
	// queryPatience bounds what one request may take of the store.
	queryPatience = 10 * time.Second
	// stopPatience is how long answers under way may take at the end.
	stopPatience = 3 * time.Second
)

// Config of an API.
type Config struct {
	Access Access
	// Store is read from; Log is where the live streams come from.
	Store Store
	Log   kafkaconn.Connection
	// Version of the program.
	Version string
}

// Store is what the API reads of the store: *query.DB.
type Store interface {
	Events(context.Context, query.EventFilter, query.Page) (query.Listing[query.Event], error)
	Verdicts(context.Context, query.VerdictFilter, query.Page) (query.Listing[query.Verdict], error)
	Fact(ctx context.Context, id string) (query.Fact, error)
	Stats(ctx context.Context, now time.Time, windows ...time.Duration) ([]query.Figures, error)
	Ping(context.Context) error
}

// Server is an API. Start it, and Close it.
type Server struct {
	config        Config
	authenticator Authenticator
	huma          huma.API
	mux           *http.ServeMux
	feed          *live.Feed
	metrics       *metrics
	health        *health
	stats         statsCache

	listener net.Listener
	server   *http.Server
	stop     context.CancelFunc
	ending   context.Context // done when streams have to end
	running  sync.WaitGroup
	unused   unusedconn.Conns
}

// New returns an API that does nothing yet.
func New(config Config) (*Server, error) {
	if err := config.Access.Validate(); err != nil {
		return nil, err
	}
	s := &Server{config: config, mux: http.NewServeMux(), metrics: newMetrics(), stats: newStatsCache(), authenticator: anyone{}}
	if config.Access.Token != "" {
		s.authenticator = newBearer(config.Access.Token)
	}
	s.feed = live.NewFeed(config.Log, s.metrics)
	s.health = newHealth(s.metrics, time.Now,
		dependency{name: "store", ping: config.Store.Ping},
		dependency{name: "log", ping: pingLog(config.Log)},
	)
	conf := huma.DefaultConfig("Helios", config.Version)
	conf.Info.Description = "What Helios knows: figures, events, verdicts and health out of its store, and both as they happen. Nothing can be changed here."
	conf.OpenAPIPath, conf.DocsPath, conf.SchemasPath = "/openapi", "", ""
	conf.CreateHooks = nil // no $schema members in the answers
	conf.RejectUnknownQueryParameters = true
	conf.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "The token of " + EnvToken + ", where one is configured."},
	}
	s.huma = humago.New(s.mux, conf)
	s.huma.UseMiddleware(s.authorise)
	s.routes()
	return s, nil
}

func (s *Server) routes() {
	s.registerStats()
	s.registerEvents()
	s.registerVerdicts()
	s.registerHealth()
	s.registerStreams()
	s.registerPages()
	s.mux.HandleFunc("GET /metrics", s.guard(Viewer, promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP))
	s.mux.HandleFunc("/", s.nothing)
}

// Handler answers everything.
func (s *Server) Handler() http.Handler {
	compressed := compress(s.mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", contentSecurityPolicy)
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		noted := &recorder{ResponseWriter: w}
		_, route := s.mux.Handler(r)
		switch {
		case s.config.Access.Token == "" && !localHost(r):
			problem(noted, http.StatusMisdirectedRequest, errForeignHost.Error())
		case r.URL.Path != path.Clean("/"+r.URL.Path):
			// No redirection: its answer would be HTML.
			problem(noted, http.StatusNotFound, nothingHere)
		case strings.HasPrefix(r.URL.Path, "/ws/"):
			s.mux.ServeHTTP(noted, r) // the connection is taken over
		default:
			compressed.ServeHTTP(noted, r)
		}
		s.metrics.answered(route, noted, time.Since(started))
	})
}

// compress makes answers smaller that are worth it. None holds a secret whose
// length could tell of it.
func compress(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(4<<10), gzhttp.ContentTypes([]string{
		"application/json", "application/problem+json", "application/openapi+json", "text/html", "text/css", "text/javascript",
	}))
	if err != nil {
		panic(err) // the options are constants
	}
	return wrap(next)
}

// Start listens and returns the address. The streams and checks run until Close.
func (s *Server) Start() (address string, err error) {
	if s.listener, err = net.Listen("tcp", s.config.Access.Address); err != nil {
		return "", fmt.Errorf("%s %s: %w", EnvAddress, s.config.Access.Address, err)
	}
	// localhost is what the machine's resolver makes of it.
	if at, ok := s.listener.Addr().(*net.TCPAddr); s.config.Access.Token == "" && (!ok || !at.IP.IsLoopback()) {
		return "", errors.Join(fmt.Errorf("%s %s is %s on this machine, which others may reach, so %s must be set", EnvAddress, s.config.Access.Address, s.listener.Addr(), EnvToken), s.listener.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop, s.ending = cancel, ctx
	s.server = &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerPatience, ReadTimeout: headerPatience,
		WriteTimeout: 2 * queryPatience, IdleTimeout: idlePatience, MaxHeaderBytes: maxHeaderBytes,
		ConnState: s.unused.Follow,
	}
	bounded := netutil.LimitListener(s.listener, maxConnections)
	s.running.Go(func() { s.feed.Run(ctx) })
	s.running.Go(func() { s.health.run(ctx) })
	s.running.Go(func() { _ = s.server.Serve(bounded) }) // ErrServerClosed
	return s.listener.Addr().String(), nil
}

// Close ends streams and answers, and waits for them. The store stays open.
func (s *Server) Close() error {
	if s.server == nil {
		return nil
	}
	s.stop()
	s.unused.Close()
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("ending the API: %w", err), s.server.Close())
	}
	s.running.Wait()
	return err
}

const nothingHere = "there is nothing here; /docs lists what there is"

// methods that are looked for behind a path.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// nothing answers what no route does: with what a path allows, where it allows
// anything.
func (s *Server) nothing(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range methods {
		other := r.Clone(r.Context())
		other.Method = method
		if _, route := s.mux.Handler(other); route != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		problem(w, http.StatusNotFound, nothingHere)
		return
	}
	w.Header().Set("Allow", strings.Join(append(allowed, http.MethodOptions), ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	problem(w, http.StatusMethodNotAllowed, r.URL.Path+" takes "+strings.Join(allowed, " and "))
}

// problem answers with a problem of RFC 9457.
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(&huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: detail}) // the client is gone
}

// failure is the problem that an error of the store is answered with.
func failure(err error) error {
	switch {
	case errors.Is(err, query.ErrCursor):
		return huma.Error422UnprocessableEntity("invalid cursor", &huma.ErrorDetail{Message: err.Error(), Location: "query.cursor"})
	case errors.Is(err, query.ErrNotFound):
		return huma.Error404NotFound("no verdict has this id; one appears when its fact is judged and stored")
	case errors.Is(err, context.DeadlineExceeded):
		return huma.Error503ServiceUnavailable("the store did not answer within " + queryPatience.String() + "; ask for less, such as a shorter range of time")
	}
	// What exactly is wrong is for /api/v1/health/detailed.
	return huma.Error503ServiceUnavailable("the store can't be read now; try again later, and see /api/v1/health/detailed")
}

// reading returns an operation that reads and that viewers may call.
func reading(id, path, summary, description, tag string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Description: description, Tags: []string{tag},
		Errors:   []int{http.StatusUnauthorized, http.StatusServiceUnavailable},
		Security: []map[string][]string{{"token": {}}, {}}, Metadata: map[string]any{metadataRole: Viewer},
	}
}
