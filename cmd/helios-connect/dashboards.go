package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/grafana/dashboards"
	"github.com/helios-connect/helios/grafana/provisioning"
)

// dashboardsCommand is the subcommand dashboards: Grafana's dashboards, alerts
// and Prometheus's rules, written from code.
func dashboardsCommand() *cli.Command {
	prices := &cli.StringFlag{Name: "prices", Value: "config/prices.yaml", Usage: "the list prices that the dashboard Cost computes with"}
	dir := &cli.StringFlag{Name: "dir", Value: "deploy", Usage: "the folder of the files"}
	return &cli.Command{
		Name:  "dashboards",
		Usage: "Write or push Grafana's dashboards and alerts, and Prometheus's rules",
		Description: "Dashboards are code (grafana/); their JSON is written by render and read by Grafana from files.\n" +
			"push sends the dashboards to a running Grafana: HELIOS_GRAFANA_URL and HELIOS_GRAFANA_TOKEN, a service\n" +
			"account's token with the role Editor.",
		Subcommands: []*cli.Command{
			{Name: "render", Usage: "write the files", Flags: []cli.Flag{dir, prices}, Action: dashboardsRender},
			{Name: "check", Usage: "change nothing; fail when a file is not up to date", Flags: []cli.Flag{dir, prices}, Action: dashboardsCheck},
			{Name: "push", Usage: "send the dashboards to a running Grafana", Flags: []cli.Flag{prices}, Action: dashboardsPush},
		},
	}
}

func renderedDashboards(c *cli.Context) ([]provisioning.File, error) {
	if c.Args().Present() {
		return nil, fmt.Errorf("%q is no flag of %s", c.Args().First(), c.Command.Name)
	}
	raw, err := os.ReadFile(c.String("prices"))
	if err != nil {
		return nil, fmt.Errorf("reading prices: %w", err)
	}
	prices, err := dashboards.ParsePrices(raw)
	if err != nil {
		return nil, fmt.Errorf("--prices %s: %w", c.String("prices"), err)
	}
	return provisioning.Files(prices)
}

func dashboardsRender(c *cli.Context) error {
	files, err := renderedDashboards(c)
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(c.String("dir"), filepath.FromSlash(f.Path))
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, f.Content) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
		if err := os.WriteFile(path, f.Content, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
		fmt.Fprintln(c.App.Writer, "changed", path)
	}
	stale, err := staleDashboards(c.String("dir"), files)
	if err != nil {
		return err
	}
	// What is left over is a dashboard that no longer exists: Grafana would go
	// on showing it.
	for _, path := range stale {
		if err := os.Remove(path); err != nil {
			return err
		}
		fmt.Fprintln(c.App.Writer, "removed", path)
	}
	return nil
}

func dashboardsCheck(c *cli.Context) error {
	files, err := renderedDashboards(c)
	if err != nil {
		return err
	}
	stale, err := staleDashboards(c.String("dir"), files)
	if err == nil && len(stale) > 0 {
		err = fmt.Errorf("not up to date: %q; run `make generate`", stale)
	}
	return err
}

// staleDashboards lists the files that are missing, differ, or are no longer
// rendered.
func staleDashboards(dir string, files []provisioning.File) (stale []string, err error) {
	rendered := map[string]bool{}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		rendered[path] = true
		old, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil || !bytes.Equal(old, f.Content) {
			stale = append(stale, path)
		}
	}
	found, err := filepath.Glob(filepath.Join(dir, "grafana", "dashboards", "*.json"))
	for _, path := range found {
		if !rendered[path] {
			stale = append(stale, path)
		}
	}
	return stale, err
}

func dashboardsPush(c *cli.Context) error {
	files, err := renderedDashboards(c)
	if err != nil {
		return err
	}
	g, err := grafanaFromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	folder, err := g.folder(c.Context, provisioning.Folder)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Path, "grafana/dashboards/") {
			continue
		}
		body := map[string]any{"dashboard": json.RawMessage(f.Content), "folderUid": folder, "overwrite": true, "message": "helios-connect dashboards push"}
		if err := g.call(c.Context, http.MethodPost, "/api/dashboards/db", body, nil); err != nil {
			return fmt.Errorf("pushing %s: %w", f.Path, err)
		}
		fmt.Fprintln(c.App.Writer, "pushed", strings.TrimSuffix(filepath.Base(f.Path), ".json"))
	}
	return nil
}

// grafanaAPI is the part of Grafana's HTTP API that push needs.
type grafanaAPI struct {
	base, token string
	client      *http.Client
}

func grafanaFromEnvironment(getenv func(string) string) (*grafanaAPI, error) {
	base, token := getenv("HELIOS_GRAFANA_URL"), getenv("HELIOS_GRAFANA_TOKEN")
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
		return nil, errors.New("HELIOS_GRAFANA_URL: it takes the address of a Grafana without credentials, such as https://grafana.example.com")
	}
	if token == "" {
		return nil, errors.New("HELIOS_GRAFANA_TOKEN is empty: it takes the token of a service account with the role Editor")
	}
	return &grafanaAPI{base: strings.TrimRight(base, "/"), token: token, client: &http.Client{Timeout: 30 * time.Second}}, nil
}

// folder returns the uid of the folder with the title, which it makes when there
// is none.
func (g *grafanaAPI) folder(ctx context.Context, title string) (string, error) {
	type folder struct {
		UID   string `json:"uid"`
		Title string `json:"title"`
	}
	var all []folder
	if err := g.call(ctx, http.MethodGet, "/api/folders?limit=1000", nil, &all); err != nil {
		return "", fmt.Errorf("listing folders: %w", err)
	}
	for _, f := range all {
		if f.Title == title {
			return f.UID, nil
		}
	}
	var made folder
	if err := g.call(ctx, http.MethodPost, "/api/folders", map[string]string{"title": title}, &made); err != nil {
		return "", fmt.Errorf("making folder %q: %w", title, err)
	}
	return made.UID, nil
}

func (g *grafanaAPI) call(ctx context.Context, method, path string, body, into any) error {
	var payload io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, g.base+path, payload)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+g.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := g.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the answer of Grafana: %s: %.200s", resp.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}
