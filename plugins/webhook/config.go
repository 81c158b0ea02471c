package webhook

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// environment is what verifiers need of the world.
type environment struct {
	transport http.RoundTripper
	now       func() time.Time
	fetched   func(sender string) func(ok bool) // counts fetches of keys
}

// kind is what is fixed for one kind of sender.
type kind struct {
	patience time.Duration
	auth     []string // that can be chosen from
}

var kinds = map[string]kind{
	// Event Grid gives up after 30 s, also in the CloudEvents schema.
	kindEventGrid:   {25 * time.Second, []string{auFieldEntra, auFieldAPIKey, auFieldBasic, auFieldAnonymous}},
	kindCloudEvents: {25 * time.Second, []string{auFieldEntra, auFieldGoogle, auFieldOAuth, auFieldAPIKey, auFieldBasic, auFieldHMAC, auFieldAnonymous}},
	// The shortest acknowledgement deadline is 10 s.
	kindPubSub: {9 * time.Second, []string{auFieldGoogle, auFieldAPIKey, auFieldAnonymous}},
	// SNS gives up after 15 s, API destinations after 5 s.
	kindSNS:            {12 * time.Second, []string{auFieldAPIKey, auFieldBasic}},
	kindAPIDestination: {4 * time.Second, []string{auFieldAPIKey, auFieldBasic, auFieldOAuth, auFieldAnonymous}},
	kindHMAC:           {9 * time.Second, []string{auFieldHMAC}},
}

// snsMaxBody is enough for the largest message, 256 KiB, escaped twice. SNS
// signs the body, so it has to be read before it is trusted.
const snsMaxBody = 2 << 20

func routesFromConfig(conf *service.ParsedConfig, lim limits, env environment) (map[string]*route, error) {
	list, err := conf.FieldObjectList(whFieldPaths)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: the list is empty; give at least one, for example {path: /azure, sender: event_grid, …}", whFieldPaths)
	}
	routes, names := make(map[string]*route, len(list)), map[string]string{unknownSender: "the senders that are not configured"}
	for i, c := range list {
		r, err := routeFromConfig(c, lim, env)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", whFieldPaths, i, err)
		}
		if _, ok := routes[r.path]; ok {
			return nil, fmt.Errorf("%s[%d]: path %q stands twice; every sender needs its own", whFieldPaths, i, r.path)
		}
		if other, ok := names[r.name]; ok {
			return nil, fmt.Errorf("%s[%d]: name %q is that of %s already", whFieldPaths, i, r.name, other)
		}
		routes[r.path], names[r.name] = r, "the path "+r.path
	}
	return routes, nil
}

func routeFromConfig(c *service.ParsedConfig, lim limits, env environment) (r *route, err error) {
	r = &route{maxBody: lim.maxBody}
	if r.path, err = c.FieldString(paFieldPath); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(r.path, "/") || strings.ContainsAny(r.path, "?# ") {
		return nil, fmt.Errorf("path is %q; it must begin with / and hold neither query nor space, for example /azure/orders", r.path)
	}
	if r.name, err = c.FieldString(paFieldName); err != nil {
		return nil, err
	}
	if r.name == "" {
		r.name = r.path
	}
	if r.kind, err = c.FieldString(paFieldSender); err != nil {
		return nil, err
	}
	of, ok := kinds[r.kind]
	if !ok {
		return nil, fmt.Errorf("sender is %q; %s are allowed", r.kind, strings.Join(sortedKinds(), ", "))
	}
	if r.kind == kindSNS {
		r.maxBody = min(r.maxBody, snsMaxBody)
	}
	if err = r.paceFromConfig(c, of, env); err != nil {
		return nil, err
	}
	if r.sender, err = senderFromConfig(c, r, env); err != nil {
		return nil, err
	}
	err = r.authFromConfig(c, of, env)
	return r, err
}

func sortedKinds() (names []string) {
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// paceFromConfig reads patience, rate limit and headers.
func (r *route) paceFromConfig(c *service.ParsedConfig, of kind, env environment) error {
	given, err := c.FieldString(paFieldPatience)
	if err != nil {
		return err
	}
	r.patience = of.patience
	if given != "" {
		if r.patience, err = time.ParseDuration(given); err != nil || r.patience <= 0 {
			return fmt.Errorf("patience is %q; a positive duration is allowed, for example %v", given, of.patience)
		}
	}
	rate, err := c.FieldFloat(paFieldRateLimit, rlFieldRate)
	if err != nil {
		return err
	}
	burst, err := c.FieldInt(paFieldRateLimit, rlFieldBurst)
	if err != nil {
		return err
	}
	if rate < 0 || burst < 0 {
		return fmt.Errorf("rate_limit: per_second is %v and burst is %d; neither may be negative, and per_second 0 is no limit", rate, burst)
	}
	if burst == 0 {
		burst = max(1, int(rate))
	}
	r.limit = newLimiter(rate, burst, env.now())
	headers, err := c.FieldStringList(paFieldHeaders)
	if err != nil {
		return err
	}
	for _, name := range headers {
		switch strings.ToLower(name) {
		case "authorization", "cookie", "":
			return fmt.Errorf("%s holds %q, which must not get into events", paFieldHeaders, name)
		}
		r.headers = append(r.headers, strings.ToLower(name))
	}
	return nil
}

func senderFromConfig(c *service.ParsedConfig, r *route, env environment) (sender, error) {
	names := func(kind, field, example string) ([]string, error) {
		list, err := c.FieldStringList(kind, field)
		if err == nil && example != "" && namesNobody(list) {
			err = fmt.Errorf("%s.%s is empty; list who is let in, for example %s", kind, field, example)
		}
		return list, err
	}
	switch r.kind {
	case kindEventGrid:
		list, err := names(kindEventGrid, egFieldSubscriptions, "[ orders-to-helios ]")
		return &eventGrid{subscriptions: folded(list)}, err
	case kindCloudEvents:
		list, err := names(kindCloudEvents, ceFieldOrigins, "[ eventgrid.azure.net ]")
		out := &cloudEvents{origins: folded(list)}
		if r.limit != nil {
			out.rate = r.limit.rate
		}
		return out, err
	case kindPubSub:
		list, err := names(kindPubSub, psFieldSubscriptions, "")
		return &pubSub{subscriptions: exactly(list)}, err
	case kindSNS:
		list, err := names(kindSNS, snFieldTopics, "[ arn:aws:sns:eu-central-1:123456789012:orders ]")
		return &sns{topics: exactly(list), certificates: newCertificates(env.transport, env.now, env.fetched(r.name)), client: pinnedClient(env.transport)}, err
	case kindAPIDestination:
		accounts, err := names(kindAPIDestination, adFieldAccounts, "")
		if err != nil {
			return nil, err
		}
		sources, err := names(kindAPIDestination, adFieldSources, "")
		return &apiDestination{accounts: exactly(accounts), sources: exactly(sources)}, err
	}
	return anything{}, nil
}

// namesNobody reports whether a list names nobody: an absent environment variable
// leaves an empty name.
func namesNobody(list []string) bool { return exactly(list).empty() }

// mustBeURL refuses what keys can't be fetched from.
func mustBeURL(field, value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%s is %q; a URL is required, for example https://login.example.com/", field, value)
	}
	return nil
}
