package doctor

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

func TestContractsAreReadAsThePipelinesReadThem(t *testing.T) {
	reg := srfake.New(srfake.WithAuth("Basic aGVsaW9zOmh1bnRlcjI=")) // helios:hunter2
	defer reg.Close()
	e := env{"HELIOS_SCHEMA_REGISTRY_URL": reg.URL(), "HELIOS_SCHEMA_REGISTRY_USER": "helios", "HELIOS_SCHEMA_REGISTRY_PASSWORD": "hunter2"}
	want(t, ask(t, e, Options{}, "contracts"), "contracts", Warned, "nothing is registered")

	_, _, err := reg.RegisterSchema("order", sr.Schema{Schema: `{"type":"object"}`, Type: sr.TypeJSON})
	require.NoError(t, err)
	want(t, ask(t, e, Options{}, "contracts"), "contracts", OK, "1 subject with 1 version")

	_, _, err = reg.RegisterSchema("order", sr.Schema{Schema: `{"$ref":"https://example.com/x.json"}`, Type: sr.TypeJSON})
	require.NoError(t, err)
	want(t, ask(t, e, Options{}, "contracts"), "contracts", Failed, "1 of 2 versions can't be used: contract order version 2")

	e["HELIOS_SCHEMA_REGISTRY_PASSWORD"] = "wrong-secret"
	found := ask(t, e, Options{}, "contracts")
	want(t, found, "reach and sign-in", Failed, "refuses user or password")
	require.NotContains(t, found[0].Detail, "wrong-secret")

	e["HELIOS_SCHEMA_REGISTRY_URL"] = "http://helios:hunter2@localhost:8081"
	found = ask(t, e, Options{}, "contracts")
	want(t, found, "settings", Failed, "can't be used")
	require.NotContains(t, found[0].Detail, "hunter2")

	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	e["HELIOS_SCHEMA_REGISTRY_URL"] = other.URL
	want(t, ask(t, e, Options{}, "contracts"), "reach and sign-in", Failed, "it is no schema registry")
	e["HELIOS_SCHEMA_REGISTRY_URL"] = "http://" + nobody
	want(t, ask(t, e, Options{}, "contracts"), "reach and sign-in", Failed, "nothing listens at")

	e["HELIOS_SCHEMA_FOLDER"] = "x"
	want(t, ask(t, e, Options{}, "contracts"), "settings", Failed, "both set")
}

func TestContractsInAFolderAreRead(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "order.json"), []byte(`{"type":"objekt"}`), 0o600))
	want(t, ask(t, env{"HELIOS_SCHEMA_FOLDER": dir}, Options{}, "contracts"), "contracts", Failed, "/type")
	want(t, ask(t, env{"HELIOS_SCHEMA_FOLDER": dir + "/none"}, Options{}, "contracts"), "reach and sign-in", Failed, "can't be read")
	want(t, ask(t, env{}, Options{}, "contracts"), "connection", Skipped, "judged by no contract")
}
