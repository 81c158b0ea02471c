package doctor

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGrafanaIsAskedAsThePipelineWouldPush(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/old/api/live/push/helios":
			http.Redirect(w, r, "/", http.StatusMovedPermanently)
		case r.URL.Path == "/broken/api/live/push/helios":
			w.WriteHeader(http.StatusBadGateway)
		case r.Method != http.MethodPost || r.URL.Path != "/g/api/live/push/helios":
			w.WriteHeader(http.StatusNotFound)
		case r.Header.Get("Authorization") != "Bearer glsa_right":
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	grafana := func(url, token string) []Finding {
		return ask(t, env{"HELIOS_GRAFANA_URL": url, "HELIOS_GRAFANA_TOKEN": token}, Options{}, "Grafana Live")
	}
	const what = "reach and sign-in"
	want(t, grafana(server.URL+"/g/", "glsa_right"), what, OK, "takes pushes to its live tables with the token")
	want(t, grafana(server.URL+"/g", "glsa_wrong"), what, Failed, "refuses the token")
	want(t, grafana(server.URL+"/g", ""), what, Failed, "asks for a token")
	want(t, grafana(server.URL, "glsa_right"), what, Failed, "name Grafana's root")
	want(t, grafana(server.URL+"/old", "glsa_right"), what, Failed, "points elsewhere")
	want(t, grafana(server.URL+"/broken", "glsa_right"), what, Failed, "answers 502")
	want(t, grafana("http://"+nobody, ""), what, Failed, "nothing listens")
	want(t, grafana("grafana:3000", ""), "settings", Failed, "the form is http://localhost:3000")
	named := grafana(strings.Replace(server.URL, "//", "//operator:p4ssword@", 1)+"/g", "glsa_right")
	want(t, named, "settings", Warned, "take user and password out")
	for _, f := range append(named, grafana(server.URL+"/g", "glsa_wrong")...) {
		require.NotContains(t, f.Detail+f.Advice, "p4ssword")
		require.NotContains(t, f.Detail+f.Advice, "glsa_wrong")
	}
}

func TestWithoutItsAddressGrafanaIsNotAsked(t *testing.T) {
	want(t, ask(t, env{}, Options{}, "Grafana Live"), "connection", Skipped, "HELIOS_GRAFANA_URL is not set")
}
