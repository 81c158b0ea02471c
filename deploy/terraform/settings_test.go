package terraform_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"

	"github.com/helios-connect/helios/internal/doctor"
	"github.com/helios-connect/helios/tests/program"
)

var binary string

func TestMain(m *testing.M) { program.Main(m, &binary) }

type inputs = map[string]cty.Value

func list(all ...string) cty.Value {
	values := []cty.Value{}
	for _, s := range all {
		values = append(values, is(s))
	}
	return cty.ListVal(values)
}

const (
	webhook = "HELIOS_WEBHOOK_ADDRESS HELIOS_WEBHOOK_PATHS"
	url     = "https://helios.example.com:8443"
	ownKey  = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

// copies are modules with inputs, and the settings that must come out of them.
var copies = []struct {
	name, module string
	inputs       inputs
	settings     string // their names
	paths        int    // of the webhook
}{
	{"AWS as it is", "aws", nil,
		"AWS_REGION HELIOS_AWS_ACCESS_KEY_ID HELIOS_AWS_SECRET_ACCESS_KEY HELIOS_AWS_SQS_URL", 0},
	{"AWS on a machine with a role", "aws", inputs{"identity": is("role"), "bus_name": is("default"), "kms_key_arn": is(ownKey)},
		"AWS_REGION HELIOS_AWS_SQS_URL", 0},
	{"a stream", "aws", inputs{"ways": list("kinesis"), "kinesis_shards": cty.NumberIntVal(2), "kms_key_arn": is(ownKey)},
		"AWS_REGION HELIOS_AWS_ACCESS_KEY_ID HELIOS_AWS_KINESIS_STREAM HELIOS_AWS_KINESIS_TABLE HELIOS_AWS_SECRET_ACCESS_KEY", 0},
	{"AWS that only pushes", "aws", inputs{"ways": list("api_destination", "sns"), "webhook_url": is(url), "webhook_ready": cty.True},
		"AWS_REGION " + webhook, 2},
	{"AWS by every way beside another cloud", "aws", inputs{
		"ways": list("sqs", "kinesis", "api_destination", "sns"), "webhook_url": is(url),
		"webhook_cert_file": is("/etc/helios/tls.crt"), "webhook_key_file": is("/etc/helios/tls.key"),
		"other_webhook_paths": cty.TupleVal([]cty.Value{cty.ObjectVal(inputs{
			"path": is("/other"), "name": is("other # 2"), "sender": is("event_grid"),
			"event_grid": cty.ObjectVal(inputs{"subscriptions": cty.TupleVal([]cty.Value{is("orders")})}),
			"auth":       cty.ObjectVal(inputs{"api_key": cty.ObjectVal(inputs{"query": is("code"), "keys": cty.TupleVal([]cty.Value{is("secret")})})}),
		})}),
	}, "AWS_REGION HELIOS_AWS_ACCESS_KEY_ID HELIOS_AWS_KINESIS_STREAM HELIOS_AWS_KINESIS_TABLE HELIOS_AWS_SECRET_ACCESS_KEY HELIOS_AWS_SQS_URL HELIOS_WEBHOOK_ADDRESS HELIOS_WEBHOOK_CERT_FILE HELIOS_WEBHOOK_KEY_FILE HELIOS_WEBHOOK_PATHS", 3},

	{"Google Cloud as it is", "gcp", inputs{"project_id": is("my-project")},
		"HELIOS_GCP_CREDENTIALS_JSON HELIOS_GCP_PROJECT HELIOS_GCP_SUBSCRIPTION", 0},
	{"Google Cloud on a machine with an identity", "gcp", inputs{
		"project_id": is("my-project"), "create_key": cty.False, "ordering": cty.True, "topic_id": is("projects/other/topics/orders"),
		"service_account_email": is("machine@my-project.iam.gserviceaccount.com"),
	}, "HELIOS_GCP_PROJECT HELIOS_GCP_SUBSCRIPTION", 0},
	{"Google Cloud that only pushes", "gcp", inputs{"project_id": is("my-project"), "ways": list("push"), "webhook_url": is(url)},
		webhook, 1},
	{"Google Cloud by both ways", "gcp", inputs{"project_id": is("my-project"), "ways": list("pull", "push"), "webhook_url": is(url), "webhook_audience": is("helios")},
		"HELIOS_GCP_CREDENTIALS_JSON HELIOS_GCP_PROJECT HELIOS_GCP_SUBSCRIPTION " + webhook, 1},

	{"Azure as it is", "azure", inputs{"location": is("westeurope")},
		"AZURE_CLIENT_ID AZURE_CLIENT_SECRET AZURE_TENANT_ID HELIOS_AZURE_QUEUE HELIOS_AZURE_STORAGE_ACCOUNT", 0},
	{"Azure on a machine with an identity", "azure", inputs{"location": is("westeurope"), "identity": is("principal"), "principal_id": is(tenant), "resource_group_name": is("shop")},
		"HELIOS_AZURE_QUEUE HELIOS_AZURE_STORAGE_ACCOUNT", 0},
	{"an Event Hub", "azure", inputs{"location": is("westeurope"), "ways": list("event_hub")},
		"HELIOS_AZURE_EVENTHUB HELIOS_AZURE_EVENTHUB_CONNECTION_STRING HELIOS_AZURE_EVENTHUB_NAMESPACE", 0},
	{"a Service Bus", "azure", inputs{"location": is("westeurope"), "ways": list("service_bus")},
		"HELIOS_AZURE_SERVICEBUS HELIOS_AZURE_SERVICEBUS_KEY HELIOS_AZURE_SERVICEBUS_KEY_NAME HELIOS_AZURE_SERVICEBUS_NAMESPACE", 0},
	{"Azure that pushes with tokens", "azure", inputs{"location": is("westeurope"), "ways": list("webhook"), "webhook_url": is(url), "webhook_ready": cty.True},
		webhook, 1},
	{"Azure that pushes CloudEvents with a secret", "azure", inputs{"location": is("westeurope"), "ways": list("webhook"), "webhook_url": is(url), "webhook_ready": cty.True, "webhook_auth": is("code"), "event_schema": is("CloudEventSchemaV1_0")},
		webhook, 1},
}

func TestTheSettingsAreReadByTheProgram(t *testing.T) {
	names := known(t)
	for _, c := range copies {
		t.Run(c.name, func(t *testing.T) {
			e := evaluate(load(t, c.module), c.inputs)
			refused, err := e.refused()
			require.NoError(t, err)
			require.Empty(t, refused)
			outputs, err := e.outputs()
			require.NoError(t, err)
			block := outputs["helios_settings"].AsString()

			given := settings(t, block)
			for _, name := range given {
				require.True(t, names[name], "%s is not in config/local.env.example", name)
			}
			require.Equal(t, strings.Fields(c.settings), given)

			file := filepath.Join(t.TempDir(), "local.env")
			require.NoError(t, os.WriteFile(file, []byte("HELIOS_STORE_DSN=sqlite://helios.db\n"+block), 0o600))
			requireLint(t, file)
			requireDoctor(t, file, c.paths, strings.Contains(c.settings, "CREDENTIALS_JSON"))
		})
	}
}

// settings returns the names in a block. A value without quotes ends at the first
// space or #, so there must be none.
func settings(t testing.TB, block string) (names []string) {
	t.Helper()
	require.True(t, strings.HasSuffix(block, "\n"), "what is appended next must begin a line")
	for _, line := range strings.Split(strings.TrimSuffix(block, "\n"), "\n") {
		name, value, ok := strings.Cut(line, "=")
		require.True(t, ok, line)
		require.NotEmpty(t, value, name)
		require.NotContains(t, value, " ", name)
		require.NotContains(t, value, "#", name)
		require.NotContains(t, `"'`, value[:1], name)
		names = append(names, name)
	}
	require.True(t, slices.IsSorted(names))
	return names
}

func requireLint(t testing.TB, file string) {
	t.Helper()
	out, err := exec.Command(binary, "-e", file, "lint", "../../config/production.yaml").CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// requireDoctor lets the doctor read the settings; what it finds of clouds that
// aren't there doesn't matter.
func requireDoctor(t testing.TB, file string, paths int, key bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	path, err := filepath.Abs(binary)
	require.NoError(t, err)
	c := exec.CommandContext(ctx, path, "-e", file, "doctor", "--json", "--timeout", "500ms")
	c.Dir = filepath.Dir(file)
	out, _ := c.Output()
	var findings []struct{ Dependency, Check, Status, Detail string }
	require.NoError(t, json.Unmarshal(out, &findings), "%s", out)
	found := map[string]string{}
	for _, f := range findings {
		found[f.Dependency+" "+f.Check] = f.Status + " " + f.Detail
	}
	if paths > 0 {
		settings := found["webhook settings"]
		require.True(t, strings.HasPrefix(settings, doctor.OK.String()+" paths /"), "%s", settings)
		require.Equal(t, paths, 1+strings.Count(settings, ", "), "%s", settings)
	}
	if key {
		require.Equal(t, "ok service_account helios@my-project.iam.gserviceaccount.com from HELIOS_GCP_CREDENTIALS_JSON", found["GCP Pub/Sub credentials"])
	}
}

// TestTheListsOfThePagesAreReadByTheProgram: without quotes, such a list would end
// at its first space.
func TestTheListsOfThePagesAreReadByTheProgram(t *testing.T) {
	for page, paths := range map[string]int{
		"config/local.env.example": 1, "docs/connecting-clouds.md": 2, "docs/webhook-tunnel.md": 1, "docs/simulator.md": 3,
	} {
		body, err := os.ReadFile(filepath.Join("..", "..", page))
		require.NoError(t, err)
		found := regexp.MustCompile(`(?m)^(?:# )?(HELIOS_WEBHOOK_PATHS=.*)$`).FindSubmatch(body)
		require.NotNil(t, found, page)
		file := filepath.Join(t.TempDir(), "local.env")
		require.NoError(t, os.WriteFile(file, append(found[1], "\nHELIOS_WEBHOOK_ADDRESS=127.0.0.1:0\n"...), 0o600))
		requireLint(t, file)
		requireDoctor(t, file, paths, false)
	}
}

// granted are the actions that Helios itself has in AWS by every way: what its
// inputs call, and what the doctor looks at.
var granted = map[string][]string{
	"Queue":   {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},
	"Stream":  {"kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"},
	"Offsets": {"dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:UpdateItem"},
	"Decrypt": {"kms:Decrypt"},
}

func TestNobodyMayDoMoreThanItMust(t *testing.T) {
	e := evaluate(load(t, "aws"), inputs{
		"ways": list("sqs", "kinesis", "api_destination", "sns"), "webhook_url": is(url), "webhook_ready": cty.True,
		"identity": is("role"), "kms_key_arn": is(ownKey),
	})
	_, err := e.outputs()
	require.NoError(t, err)
	own, statements := map[string][]string{}, 0
	for _, b := range e.blocks {
		switch b.kind {
		case "statement":
			statements++
			actions := elements(b.args["actions"])
			require.NotEmpty(t, actions)
			for _, s := range append(actions, elements(b.args["resources"])...) {
				require.NotContains(t, s, "*", "a statement of %s", b.of)
			}
			if b.of == "data.aws_iam_policy_document.helios" {
				slices.Sort(actions)
				own[b.args["sid"].AsString()] = actions
			}
			// A policy of a resource names who, and one of an identity names what.
			if !strings.HasSuffix(b.of, "_trust") {
				require.NotEmpty(t, elements(b.args["resources"]), b.of)
			}
		case "principals":
			require.Equal(t, "Service", b.args["type"].AsString(), b.of)
		}
	}
	require.Equal(t, granted, own)
	require.Equal(t, 13, statements)
}

func elements(v cty.Value) (all []string) {
	if v == cty.NilVal || v.IsNull() {
		return nil
	}
	for it := v.ElementIterator(); it.Next(); {
		_, s := it.Element()
		all = append(all, s.AsString())
	}
	return all
}

// TestEveryServiceIsTrustedForThisRuleOnly: a service acts for all its customers,
// so each statement that lets one in says on whose behalf.
func TestEveryServiceIsTrustedForThisRuleOnly(t *testing.T) {
	m := load(t, "aws")
	for name, b := range m.resources {
		if !strings.HasPrefix(name, "data.aws_iam_policy_document.") || name == "data.aws_iam_policy_document.machine_trust" {
			continue
		}
		for _, s := range b.Body.Blocks {
			if s.Type == "dynamic" {
				s = s.Body.Blocks[0]
			}
			has := map[string]bool{}
			for _, inner := range s.Body.Blocks {
				has[inner.Type] = true
			}
			require.Equal(t, has["principals"], has["condition"], "%s", s.DefRange())
		}
	}
}

func TestRolesAreGivenOnOneResource(t *testing.T) {
	for _, cloud := range []string{"gcp", "azure"} {
		for name, b := range load(t, cloud).resources {
			kind, _, _ := strings.Cut(name, ".")
			switch {
			case strings.HasSuffix(kind, "_iam_member"):
				require.Regexp(t, `^google_(pubsub_topic|pubsub_subscription|service_account)_iam_member$`, kind, "%s", b.DefRange())
			case kind == "azurerm_role_assignment":
				scope := address(b.Body.Attributes["scope"].Expr.Variables()[0])
				require.Regexp(t, `^azurerm_(storage_queue|storage_container|eventhub|servicebus_queue)\.`, scope, "%s", b.DefRange())
			case strings.HasSuffix(kind, "_iam_binding"), strings.HasSuffix(kind, "_iam_policy"):
				t.Errorf("%s takes the rights of others away", name)
			}
		}
	}
}

func TestWrongInputsAreRefusedWithWhatIsAllowed(t *testing.T) {
	for _, c := range []struct {
		module string
		inputs inputs
		says   string
	}{
		{"aws", inputs{"ways": list("sqs", "lambda")}, "ways must hold one or more of sqs, kinesis, api_destination and sns"},
		{"aws", inputs{"ways": list("sns")}, "webhook_url must be given when ways holds api_destination or sns"},
		{"aws", inputs{"webhook_url": is("https://helios.example.com/")}, "without a path or a slash at its end"},
		{"aws", inputs{"webhook_url": is("http://helios.example.com")}, "webhook_url must be https://"},
		{"aws", inputs{"event_pattern": is("{}")}, "event_pattern must be a JSON object with at least one member"},
		{"aws", inputs{"event_pattern": is("source: x")}, "event_pattern must be a JSON object"},
		{"aws", inputs{"identity": is("root")}, "identity must be user, role or none"},
		{"aws", inputs{"kms_key_arn": is("alias/aws/sqs")}, "an alias is not allowed"},
		{"aws", inputs{"kinesis_shards": cty.NumberFloatVal(1.5)}, "kinesis_shards must be a whole number"},
		{"aws", inputs{"max_receive_count": cty.NumberIntVal(1)}, "max_receive_count must be 5 to 1000"},
		{"aws", inputs{"webhook_cert_file": is("/etc/helios/tls.crt")}, "webhook_key_file must be given together with webhook_cert_file"},
		{"aws", inputs{"webhook_address": is("localhost")}, "webhook_address must be a host, which may be empty, and a port"},
		{"gcp", inputs{"project_id": is("My Project")}, "project_id must be the id"},
		{"gcp", inputs{"project_id": is("my-project"), "ways": list("push")}, "webhook_url must be given when ways holds push"},
		{"gcp", inputs{"project_id": is("my-project"), "topic_id": is("orders")}, "topic_id must be a whole path"},
		{"gcp", inputs{"project_id": is("my-project"), "max_delivery_attempts": cty.NumberIntVal(4)}, "max_delivery_attempts must be 5 to 100"},
		{"gcp", inputs{"project_id": is("my-project"), "minimum_backoff_seconds": cty.NumberIntVal(301)}, "minimum_backoff_seconds must be 0 to maximum_backoff_seconds"},
		{"azure", inputs{"location": is("West Europe")}, "location must be a region's short name"},
		{"azure", inputs{"location": is("westeurope"), "name": is("a--b")}, "single hyphens"},
		{"azure", inputs{"location": is("westeurope"), "ways": list("queue")}, "ways must hold one or more of storage_queue, event_hub, service_bus and webhook"},
		{"azure", inputs{"location": is("westeurope"), "identity": is("principal")}, "principal_id must be given when identity is principal"},
		{"azure", inputs{"location": is("westeurope"), "identity": is("principal"), "principal_id": is("me")}, "principal_id must be an object id (a UUID)"},
		{"azure", inputs{"location": is("westeurope"), "webhook_auth": is("none")}, "webhook_auth must be entra or code"},
	} {
		refused, err := evaluate(load(t, c.module), c.inputs).refused()
		require.NoError(t, err)
		require.Len(t, refused, 1, "%s %v", c.module, c.inputs)
		require.Contains(t, refused[0], c.says)
	}
}
