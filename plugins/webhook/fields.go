package webhook

import "github.com/redpanda-data/benthos/v4/public/service"

// Fields of one path.
const (
	paFieldPath      = "path"
	paFieldName      = "name"
	paFieldSender    = "sender"
	paFieldAuth      = "auth"
	paFieldPatience  = "patience"
	paFieldRateLimit = "rate_limit"
	paFieldHeaders   = "metadata_headers"

	rlFieldRate  = "per_second"
	rlFieldBurst = "burst"

	egFieldSubscriptions = "subscriptions"
	ceFieldOrigins       = "origins"
	psFieldSubscriptions = "subscriptions"
	snFieldTopics        = "topics"
	adFieldAccounts      = "accounts"
	adFieldSources       = "sources"
)

// Kinds of senders; each but hmac has an object of settings of the same name.
const (
	kindEventGrid      = "event_grid"
	kindCloudEvents    = "cloudevents"
	kindPubSub         = "pubsub_push"
	kindSNS            = "sns"
	kindAPIDestination = "api_destination"
	kindHMAC           = "hmac"
)

// Fields of auth.
const (
	auFieldEntra     = "entra"
	auFieldGoogle    = "google"
	auFieldOAuth     = "oauth"
	auFieldAPIKey    = "api_key"
	auFieldBasic     = "basic"
	auFieldHMAC      = "hmac"
	auFieldAnonymous = "anonymous"

	enFieldTenant       = "tenant_id"
	enFieldAudiences    = "audiences"
	enFieldApplications = "applications"
	enFieldAuthority    = "authority"

	goFieldAudiences = "audiences"
	goFieldEmails    = "emails"
	goFieldIssuer    = "issuer"
	goFieldKeys      = "jwks_url"

	oaFieldIssuer    = "issuer"
	oaFieldKeys      = "jwks_url"
	oaFieldAudiences = "audiences"
	oaFieldClients   = "clients"

	akFieldHeader = "header"
	akFieldQuery  = "query"
	akFieldKeys   = "keys"

	baFieldUser     = "username"
	baFieldPassword = "passwords"

	hmFieldHeader          = "header"
	hmFieldPrefix          = "prefix"
	hmFieldAlgorithm       = "algorithm"
	hmFieldEncoding        = "encoding"
	hmFieldSigned          = "signed"
	hmFieldTimestampHeader = "timestamp_header"
	hmFieldTimestampPrefix = "timestamp_prefix"
	hmFieldIDHeader        = "id_header"
	hmFieldTolerance       = "tolerance"
	hmFieldSecrets         = "secrets"
	hmFieldSecretEncoding  = "secret_encoding"
)

func pathFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(paFieldPath).
			Description("The path of the URL, compared exactly.").Example("/azure/orders"),
		service.NewStringField(paFieldName).
			Description("What the sender is called in metrics, logs and the metadata `helios_sender`. Empty: the path.").
			Default("").Example("azure-orders"),
		service.NewStringAnnotatedEnumField(paFieldSender, map[string]string{
			kindEventGrid:      "Azure Event Grid in its own schema, with its validation handshake.",
			kindCloudEvents:    "CloudEvents 1.0 over HTTP: structured, in batches and binary, with the `OPTIONS` handshake. Also Event Grid in the CloudEvents schema.",
			kindPubSub:         "Google Pub/Sub push, wrapped or unwrapped.",
			kindSNS:            "Amazon SNS over HTTPS. Its signature is the authentication.",
			kindAPIDestination: "An API destination of Amazon EventBridge.",
			kindHMAC:           "Any webhook whose body is signed with a shared secret.",
		}).Description("Who pushes to the path."),
		service.NewObjectField(paFieldAuth, authFields()...).
			Description("How the sender proves who it is: exactly one of these. `sns` needs none, and may have `basic` or `api_key` in addition."),
		service.NewObjectField(kindEventGrid,
			service.NewStringListField(egFieldSubscriptions).
				Description("Names of event subscriptions that are validated and let in, whatever their case; `*` lets in all. Events whose header `aeg-subscription-name` a proxy has removed are let in by `auth` alone; handshakes are not.").Default([]any{}).Example([]any{"orders-to-helios"}),
		).Description("Settings of the sender `event_grid`."),
		service.NewObjectField(kindCloudEvents,
			service.NewStringListField(ceFieldOrigins).
				Description("Origins (`WebHook-Request-Origin`) that are granted permission to deliver, whatever their case; `*` grants all.").Default([]any{}).Example([]any{"eventgrid.azure.net"}),
		).Description("Settings of the sender `cloudevents`."),
		service.NewObjectField(kindPubSub,
			service.NewStringListField(psFieldSubscriptions).
				Description("Full names of subscriptions that are let in. None: all whose token is right.").Default([]any{}).Example([]any{"projects/shop/subscriptions/helios"}),
		).Description("Settings of the sender `pubsub_push`."),
		service.NewObjectField(kindSNS,
			service.NewStringListField(snFieldTopics).
				Description("ARNs of the topics whose subscriptions are confirmed and whose messages are let in.").Default([]any{}).Example([]any{"arn:aws:sns:eu-central-1:123456789012:orders"}),
		).Description("Settings of the sender `sns`."),
		service.NewObjectField(kindAPIDestination,
			service.NewStringListField(adFieldAccounts).
				Description("AWS accounts whose events are let in, by the event's `account`. None: all.").Default([]any{}).Example([]any{"123456789012"}),
			service.NewStringListField(adFieldSources).
				Description("Sources whose events are let in, by the event's `source`. None: all.").Default([]any{}).Example([]any{"com.example.shop"}),
		).Description("Settings of the sender `api_destination`."),
		service.NewObjectField(paFieldRateLimit,
			service.NewFloatField(rlFieldRate).Description("Requests a second. 0: no limit.").Default(0.0),
			service.NewIntField(rlFieldBurst).Description("Requests that may come at once after a pause. 0: as many as `per_second`, and at least one.").Default(0),
		).Description("How fast the sender may be; beyond that it is answered 429 with `Retry-After`. Only authenticated events count, and no handshakes.").Advanced(),
		service.NewStringField(paFieldPatience).
			Description("The longest time until a request is answered, below that after which the sender gives up. Empty: `25s` for `event_grid` and `cloudevents`, `12s` for `sns`, `9s` for `pubsub_push` and `hmac`, `4s` for `api_destination`.").
			Default("").Advanced(),
		service.NewStringListField(paFieldHeaders).
			Description("Headers that become metadata, named in small letters, beside those that every kind of sender has.").
			Default([]any{}).Example([]any{"X-GitHub-Event"}).Advanced(),
	}
}

func authFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewObjectField(auFieldEntra,
			service.NewStringField(enFieldTenant).Description("The directory's id (a UUID).").Example("${AZURE_TENANT_ID}"),
			service.NewStringListField(enFieldAudiences).Description("Accepted `aud`: the application's id or its id URI.").Example([]any{"${HELIOS_AZURE_AUDIENCE}"}),
			service.NewStringListField(enFieldApplications).Description("Accepted callers (`appid`, `azp`). The default is Event Grid in Azure's public cloud.").Default([]any{eventGridApplication}),
			service.NewStringField(enFieldAuthority).Description("Where the tenant's keys and tokens come from; other in national clouds.").Default(entraAuthority).Advanced(),
		).Description("Tokens of Microsoft Entra, signed with RS256.").Optional(),
		service.NewObjectField(auFieldGoogle,
			service.NewStringListField(goFieldAudiences).Description("Accepted `aud`: the audience of the push subscription, by default its URL.").Example([]any{"https://helios.example.com/gcp/orders"}),
			service.NewStringListField(goFieldEmails).Description("Accepted service accounts; the token's `email` must be verified.").Example([]any{"pusher@shop.iam.gserviceaccount.com"}),
			service.NewStringField(goFieldIssuer).Description("The tokens' `iss`.").Default(googleIssuer).Advanced(),
			service.NewStringField(goFieldKeys).Description("Where the signing keys are.").Default(googleKeys).Advanced(),
		).Description("OIDC tokens of a Google service account, signed with RS256.").Optional(),
		service.NewObjectField(auFieldOAuth,
			service.NewStringField(oaFieldIssuer).Description("The tokens' `iss`.").Example("https://login.example.com/"),
			service.NewStringField(oaFieldKeys).Description("Where the issuer's keys are.").Example("https://login.example.com/.well-known/jwks.json"),
			service.NewStringListField(oaFieldAudiences).Description("Accepted `aud`.").Example([]any{"https://helios.example.com"}),
			service.NewStringListField(oaFieldClients).Description("Accepted clients: `azp`, `client_id`, `appid` or `sub`, the first that the token has. None: all.").Default([]any{}),
		).Description("Tokens that the sender got with OAuth client credentials from any issuer of JWTs, signed with RS256.").Optional(),
		service.NewObjectField(auFieldAPIKey,
			service.NewStringField(akFieldHeader).Description("The header that holds the key. Give this or `query`.").Default("").Example("x-api-key"),
			service.NewStringField(akFieldQuery).Description("The query parameter that holds the key, for senders that can only be given a URL. Proxies log URLs: prefer `header`.").Default("").Example("code"),
			service.NewStringListField(akFieldKeys).Description("The accepted keys; several, to exchange one without a gap.").Secret().Example([]any{"${HELIOS_AWS_API_KEY}"}),
		).Description("A secret in a header or in the URL.").Optional(),
		service.NewObjectField(auFieldBasic,
			service.NewStringField(baFieldUser).Description("The user's name.").Example("eventbridge"),
			service.NewStringListField(baFieldPassword).Description("The accepted passwords.").Secret().Example([]any{"${HELIOS_AWS_PASSWORD}"}),
		).Description("HTTP's basic authentication.").Optional(),
		service.NewObjectField(auFieldHMAC, hmacFields()...).
			Description("A signature of the body with a shared secret.").Optional(),
		service.NewBoolField(auFieldAnonymous).
			Description("Let in everybody. For tests and behind a proxy that authenticates.").Default(false).Advanced(),
	}
}

func hmacFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(hmFieldHeader).Description("The header with the signature, or several between spaces or commas.").Example("X-Hub-Signature-256"),
		service.NewStringField(hmFieldPrefix).Description("What stands before a signature.").Default("").Example("sha256="),
		service.NewStringEnumField(hmFieldAlgorithm, "sha256", "sha512", "sha1").Description("The hash function.").Default("sha256"),
		service.NewStringEnumField(hmFieldEncoding, "hex", "base64").Description("How the signature is written.").Default("hex"),
		service.NewStringField(hmFieldSigned).Description("What is signed: `{body}` as it came, and `{timestamp}` and `{id}` from their headers.").Default("{body}").Example("v0:{timestamp}:{body}"),
		service.NewStringField(hmFieldTimestampHeader).Description("The header with the time of signing, in Unix seconds or RFC 3339. Requires `{timestamp}` in `signed`.").Default("").Example("X-Slack-Request-Timestamp"),
		service.NewStringField(hmFieldTimestampPrefix).Description("What stands before the time, where its header holds more.").Default("").Example("t=").Advanced(),
		service.NewStringField(hmFieldIDHeader).Description("The header with the message's id. Requires `{id}` in `signed`.").Default("").Example("webhook-id").Advanced(),
		service.NewDurationField(hmFieldTolerance).Description("How far the time of signing may be from now, either way.").Default("5m"),
		service.NewStringListField(hmFieldSecrets).Description("The accepted secrets; several, to exchange one without a gap.").Secret().Example([]any{"${HELIOS_WEBHOOK_SECRET}"}),
		service.NewStringAnnotatedEnumField(hmFieldSecretEncoding, map[string]string{
			"text":   "As they are.",
			"base64": "In base64, also after `whsec_`, as Standard Webhooks gives them.",
			"hex":    "In hexadecimal.",
		}).Description("How the secrets are written.").Default("text").Advanced(),
	}
}
