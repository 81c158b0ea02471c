package webhook

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/helios-connect/helios/plugins/event"
)

var eventBridgeMembers = event.MustCompilePaths("account", "source")

// apiDestination receives what EventBridge sends to API destinations
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html).
// Without lists an input transformer may have made anything of the event.
type apiDestination struct {
	accounts, sources allowList // empty: all
}

func (d *apiDestination) receive(_ context.Context, _ *http.Request, body []byte) (received, error) {
	if d.accounts.empty() && d.sources.empty() {
		if !json.Valid(body) {
			return received{}, refuse(http.StatusBadRequest, malformed, "the body is no JSON")
		}
		return received{}, nil
	}
	members, err := texts(body, eventBridgeMembers)
	if err != nil {
		return received{}, refuse(http.StatusBadRequest, malformed, "the body is no EventBridge event: %v", err)
	}
	if !d.accounts.empty() && !d.accounts.holds(members[0]) {
		return received{}, refuse(http.StatusForbidden, notAllowed, "the event's account is %s, which %s does not list", shorten(members[0]), adFieldAccounts)
	}
	if !d.sources.empty() && !d.sources.holds(members[1]) {
		return received{}, refuse(http.StatusForbidden, notAllowed, "the event's source is %s, which %s does not list", shorten(members[1]), adFieldSources)
	}
	return received{}, nil
}

// anything receives whatever body a signature vouches for.
type anything struct{}

func (anything) receive(_ context.Context, r *http.Request, _ []byte) (received, error) {
	return received{metadata: ceHeaders(r.Header)}, nil
}
