package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

func TestDashboardsPushMakesTheFolderOnceAndSendsEachDashboard(t *testing.T) {
	var sent []string
	folders := 0
	grafana := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch r.Method + " " + r.URL.Path {
		case "GET /api/folders":
			_, _ = w.Write([]byte(`[{"uid":"other","title":"Other"}]`))
		case "POST /api/folders":
			folders++
			_, _ = w.Write([]byte(`{"uid":"made","title":"Helios"}`))
		case "POST /api/dashboards/db":
			var body struct {
				FolderUID string `json:"folderUid"`
				Overwrite bool
				Dashboard struct{ UID, Title string }
			}
			if json.NewDecoder(r.Body).Decode(&body) != nil || body.FolderUID != "made" || !body.Overwrite {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			sent = append(sent, body.Dashboard.UID)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer grafana.Close()
	push := func(token string) error {
		t.Setenv("HELIOS_GRAFANA_URL", grafana.URL+"/")
		t.Setenv("HELIOS_GRAFANA_TOKEN", token)
		app := &cli.App{Commands: []*cli.Command{dashboardsCommand()}}
		return app.RunContext(context.Background(), []string{"helios-connect", "dashboards", "push", "--prices", "../../config/prices.yaml"})
	}
	require.NoError(t, push("secret"))
	require.Equal(t, 1, folders)
	require.Contains(t, sent, "helios-overview")
	require.Len(t, sent, 9)

	err := push("wrong")
	require.ErrorContains(t, err, "401")
	require.NotContains(t, err.Error(), "wrong", "the token is no part of an error")
	require.ErrorContains(t, push(""), "HELIOS_GRAFANA_TOKEN")
}
