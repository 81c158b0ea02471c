package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// checkGrafana pushes nothing to Grafana Live, in the way and with the token of
// pipelines/live.yaml.
func checkGrafana(ctx context.Context, r *run) {
	address, err := url.Parse(r.get("HELIOS_GRAFANA_URL"))
	switch {
	case err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https":
		r.fail("settings", "the form is http://localhost:3000", "HELIOS_GRAFANA_URL is no address of a web server")
		return
	case address.User != nil:
		r.warn("settings", "take user and password out, and give a service account's token in HELIOS_GRAFANA_TOKEN", "HELIOS_GRAFANA_URL holds a user name, which is not used")
	}
	target := url.URL{Scheme: address.Scheme, Host: address.Host, Path: strings.TrimSuffix(address.Path, "/") + "/api/live/push/helios"}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), nil)
	if err != nil {
		r.fail("settings", "the form is http://localhost:3000", "HELIOS_GRAFANA_URL can't be asked")
		return
	}
	token := r.get("HELIOS_GRAFANA_TOKEN")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		d, ok := network(address.Host, err)
		if !ok {
			d = diagnosis{err.Error(), "see whether HELIOS_GRAFANA_URL names a Grafana"}
		}
		r.failWith("reach and sign-in", d)
		return
	}
	defer answer.Body.Close()
	if d, wrong := grafanaDiagnosis(address.Host, token, answer); wrong {
		r.failWith("reach and sign-in", d)
		return
	}
	how := "with the token"
	if token == "" {
		how = "without a token, since it lets anybody look on"
	}
	r.ok("reach and sign-in", "%s takes pushes to its live tables %s", address.Host, how)
}

func grafanaDiagnosis(host, token string, answer *http.Response) (diagnosis, bool) {
	switch code := answer.StatusCode; {
	case code == http.StatusOK:
		return diagnosis{}, false
	case (code == http.StatusUnauthorized || code == http.StatusForbidden) && token == "":
		return diagnosis{host + " asks for a token", "make a service account in Grafana (Administration, Users and access) and set its token as HELIOS_GRAFANA_TOKEN"}, true
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return diagnosis{host + " refuses the token", "set HELIOS_GRAFANA_TOKEN to a token of a service account of this Grafana that has not expired"}, true
	case code >= 300 && code < 400:
		return diagnosis{fmt.Sprintf("%s answers %d and points elsewhere", host, code), "let HELIOS_GRAFANA_URL be the address it points to, with https where it has it"}, true
	case code == http.StatusNotFound:
		return diagnosis{host + " knows no Grafana Live: it is no Grafana, or lies below another path", "let HELIOS_GRAFANA_URL name Grafana's root, such as http://localhost:3000 or https://example.com/grafana"}, true
	default:
		return diagnosis{fmt.Sprintf("%s answers %d", host, code), "see Grafana's log, and whether Grafana Live is switched off there (max_connections = 0)"}, true
	}
}
