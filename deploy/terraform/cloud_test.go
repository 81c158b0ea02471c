package terraform_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"sync"

	"github.com/zclconf/go-cty/cty"
)

func is(s string) cty.Value { return cty.StringVal(s) }

// computed is what only the clouds know: attributes that the providers' pages list
// as exported and that the modules use, with values of the right form. An
// attribute that is neither here nor given in its block fails the test.
var computed = map[string]map[string]cty.Value{
	"data.aws_caller_identity":     {"account_id": is("123456789012")},
	"data.aws_region":              {"region": is("eu-central-1")},
	"data.aws_iam_policy_document": {"json": is("{}")},

	"aws_cloudwatch_event_rule":            {"arn": is("arn:aws:events:eu-central-1:123456789012:rule/helios/helios")},
	"aws_cloudwatch_event_connection":      {"arn": is("arn:aws:events:eu-central-1:123456789012:connection/helios/1")},
	"aws_cloudwatch_event_api_destination": {"arn": is("arn:aws:events:eu-central-1:123456789012:api-destination/helios/1")},
	"aws_sqs_queue":                        {"arn": is("arn:aws:sqs:eu-central-1:123456789012:helios"), "url": is("https://sqs.eu-central-1.amazonaws.com/123456789012/helios")},
	"aws_sns_topic":                        {"arn": is("arn:aws:sns:eu-central-1:123456789012:helios")},
	"aws_kinesis_stream":                   {"arn": is("arn:aws:kinesis:eu-central-1:123456789012:stream/helios")},
	"aws_dynamodb_table":                   {"arn": is("arn:aws:dynamodb:eu-central-1:123456789012:table/helios-kinesis")},
	"aws_iam_role":                         {"arn": is("arn:aws:iam::123456789012:role/helios-consumer"), "id": is("helios-consumer")},
	"aws_iam_policy":                       {"arn": is("arn:aws:iam::123456789012:policy/helios-consumer")},
	"aws_iam_access_key":                   {"id": is("AKIAEXAMPLE"), "secret": is("ab/cd+ef=")},
	"random_password":                      {"result": is("Kq8vTz3mWn5xRb7yLc2pDf4gHj6sAa9eQw1uZo0i")},

	"data.google_project":        {"number": is("123456789")},
	"google_pubsub_topic":        {"id": is("projects/my-project/topics/helios")},
	"google_pubsub_subscription": {"id": is("projects/my-project/subscriptions/helios-push")},
	"google_service_account":     {"email": is("helios@my-project.iam.gserviceaccount.com"), "name": is("projects/my-project/serviceAccounts/helios@my-project.iam.gserviceaccount.com")},
	"google_service_account_key": {"private_key": is(base64.StdEncoding.EncodeToString([]byte(googleKey())))},

	"data.azurerm_client_config":     {"subscription_id": is("00000000-1111-2222-3333-444444444444"), "tenant_id": is(tenant)},
	"data.azuread_client_config":     {"object_id": is("22222222-1111-2222-3333-444444444444"), "tenant_id": is(tenant)},
	"data.azuread_service_principal": {"object_id": is("88888888-1111-2222-3333-444444444444")},
	"azuread_application": {
		"id": is("/applications/33333333-1111-2222-3333-444444444444"), "client_id": is("44444444-1111-2222-3333-444444444444"),
		"app_role_ids": cty.MapVal(map[string]cty.Value{"AzureEventGridSecureWebhookSubscriber": is("55555555-1111-2222-3333-444444444444")}),
	},
	"azuread_application_password": {"value": is("a~Secret.of_Entra-1")},
	"azuread_service_principal":    {"object_id": is("66666666-1111-2222-3333-444444444444")},
	"azurerm_eventgrid_topic": {
		"id": is("/subscriptions/0/topics/helios"), "endpoint": is("https://helios-1.westeurope-1.eventgrid.azure.net/api/events"), "primary_access_key": is("a2V5"),
		"identity": cty.TupleVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"principal_id": is("77777777-1111-2222-3333-444444444444")})}),
	},
	"azurerm_storage_account":                     {"id": is("/subscriptions/0/storageAccounts/helios1")},
	"azurerm_storage_container":                   {"id": is("/subscriptions/0/storageAccounts/helios1/blobServices/default/containers/helios-dead")},
	"azurerm_storage_queue":                       {"id": is("/subscriptions/0/storageAccounts/helios1/queueServices/default/queues/helios")},
	"azurerm_eventhub_namespace":                  {"id": is("/subscriptions/0/namespaces/helios")},
	"azurerm_eventhub":                            {"id": is("/subscriptions/0/namespaces/helios/eventhubs/helios")},
	"azurerm_eventhub_authorization_rule":         {"primary_connection_string": is("Endpoint=sb://helios.servicebus.windows.net/;SharedAccessKeyName=helios-listen;SharedAccessKey=a2V5a2V5a2V5a2V5=;EntityPath=helios")},
	"azurerm_servicebus_namespace":                {"id": is("/subscriptions/0/namespaces/helios-bus")},
	"azurerm_servicebus_queue":                    {"id": is("/subscriptions/0/namespaces/helios-bus/queues/helios")},
	"azurerm_servicebus_queue_authorization_rule": {"primary_key": is("a2V5a2V5+/8=")},
}

const tenant = "99999999-1111-2222-3333-444444444444"

// googleKey is a key file as Google writes it: in several lines, with spaces.
var googleKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	text, err := json.MarshalIndent(map[string]string{
		"type": "service_account", "project_id": "my-project", "private_key_id": "1",
		"private_key":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email": "helios@my-project.iam.gserviceaccount.com", "client_id": "1",
		"token_uri": "https://oauth2.googleapis.com/token",
	}, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(text)
})
