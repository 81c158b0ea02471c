package webhook

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

var variable = regexp.MustCompile(`\$\{([A-Z_]+)\}`)

// TestTheBlocksOfThePageAreAccepted builds an input of every block of settings in
// the documentation.
func TestTheBlocksOfThePageAreAccepted(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "webhooks.md"))
	require.NoError(t, err)
	paths, auths := 0, 0
	for _, block := range strings.Split(string(page), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		block = variable.ReplaceAllString(block, "value")
		switch {
		case strings.HasPrefix(block, "- path:"):
			paths++
		case strings.HasPrefix(block, "  auth:") && strings.Contains(block, "query: code"):
			block = "- path: /x\n  sender: event_grid\n  event_grid: {subscriptions: [x]}\n" + block
			auths++
		case strings.HasPrefix(block, "  auth:"):
			block = "- path: /x\n  sender: api_destination\n" + block
			auths++
		default:
			continue
		}
		_, err := newInputFromConfig(parsed(t, "paths:\n"+block), service.MockResources())
		require.NoError(t, err, block)
	}
	require.Equal(t, 6, paths)
	require.Equal(t, 3, auths)
	for _, name := range []reason{
		noCredentials, wrongCredentials, wrongAudience, wrongIssuer, expiredToken, badToken, badSignature, staleTimestamp, wrongIdentity,
		notAllowed, malformed, unknownFormat, slowBody, tooLarge, rateLimited, keysUnreachable, confirmationFails, notDurable, notDurableInTime, busy,
	} {
		require.Contains(t, string(page), "`"+string(name)+"`")
	}
}
