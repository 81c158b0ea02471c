package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// consume is the permission to pull and to acknowledge.
const consume = "pubsub.subscriptions.consume"

// checkPubSub checks the subscription. Looking at it takes another permission
// than consuming it, so that both are asked for.
func checkPubSub(ctx context.Context, r *run) {
	project, name := r.get("HELIOS_GCP_PROJECT"), r.get("HELIOS_GCP_SUBSCRIPTION")
	if project == "" {
		r.fail("settings", "set it to the id of the project that holds the subscription", "HELIOS_GCP_SUBSCRIPTION is set and HELIOS_GCP_PROJECT is not")
		return
	}
	if strings.Contains(name, "/") {
		r.fail("settings", "give the last part only, for example helios", "HELIOS_GCP_SUBSCRIPTION is a whole path")
		return
	}
	options, ok := googleCredentials(r)
	if !ok {
		return
	}
	client, err := pubsub.NewClient(ctx, project, options...)
	if err != nil {
		r.fail("credentials", "set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run gcloud auth application-default login, or give the machine a service account", "none can be used: %v", err)
		return
	}
	defer client.Close()
	path := "projects/" + project + "/subscriptions/" + name
	sub, err := client.SubscriptionAdminClient.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: path})
	switch code := status.Code(err); {
	case err == nil:
		judgeSubscription(r, sub)
	case code == codes.PermissionDenied && !isServiceDisabled(err):
		r.skipped("subscription", "looking at it takes pubsub.subscriptions.get, which roles/pubsub.subscriber lacks; it may not be there")
	default:
		r.failWith("subscription", googleDiagnosis(project, path, err))
		return
	}
	checkConsume(ctx, r, client, project, path)
}

// googleCredentials finds the settings of the client, and what is wrong with key
// files before Google says so less clearly.
func googleCredentials(r *run) (options []option.ClientOption, ok bool) {
	if endpoint := r.get("HELIOS_GCP_ENDPOINT"); endpoint != "" {
		options = append(options, option.WithEndpoint(endpoint))
	}
	text, source := []byte(r.get("HELIOS_GCP_CREDENTIALS_JSON")), "HELIOS_GCP_CREDENTIALS_JSON"
	if file := r.get("GOOGLE_APPLICATION_CREDENTIALS"); len(text) == 0 && file != "" {
		source = "the file in GOOGLE_APPLICATION_CREDENTIALS"
		var err error
		if text, err = os.ReadFile(file); err != nil {
			r.fail("credentials", "correct the path, or give this user the right to read it", "%s can't be read: %v", source, err)
			return nil, false
		}
		r.secrets.hideInside(string(text))
	}
	if len(text) == 0 {
		return options, true
	}
	var key struct {
		Type  string `json:"type"`
		Email string `json:"client_email"`
	}
	if err := json.Unmarshal(text, &key); err != nil || key.Type == "" {
		r.fail("credentials", "download the key of the service account again, as JSON", "%s is no credential of Google", source)
		return nil, false
	}
	r.ok("credentials", "%s from %s", strings.TrimSpace(key.Type+" "+key.Email), source)
	if r.get("HELIOS_GCP_CREDENTIALS_JSON") != "" {
		options = append(options, option.WithAuthCredentialsJSON(option.CredentialsType(key.Type), text))
	}
	return options, true
}

func judgeSubscription(r *run, s *pubsubpb.Subscription) {
	switch {
	case s.GetDetached():
		r.fail("subscription", "make a new subscription to the topic", "it is detached from its topic")
	case s.GetTopic() == "_deleted-topic_":
		r.fail("subscription", "make the topic again, and a new subscription", "its topic was deleted")
	case s.GetPushConfig().GetPushEndpoint() != "":
		r.fail("subscription", "make it a pull subscription, or receive its pushes through HELIOS_WEBHOOK_ADDRESS",
			"it pushes to %s and can't be pulled%s", hostOf(s.GetPushConfig().GetPushEndpoint()), audienceOf(s))
	case s.GetDeadLetterPolicy() == nil:
		r.warn("subscription", "give it a dead-letter topic with 5 or more delivery attempts", "pull from %s; it has no dead-letter topic", s.GetTopic())
	default:
		r.ok("subscription", "pull from %s, acknowledgement within %d s", s.GetTopic(), s.GetAckDeadlineSeconds())
	}
}

func audienceOf(s *pubsubpb.Subscription) string {
	if a := s.GetPushConfig().GetOidcToken().GetAudience(); a != "" {
		return fmt.Sprintf(", with tokens for the audience %s", a)
	}
	return ""
}

func checkConsume(ctx context.Context, r *run, client *pubsub.Client, project, path string) {
	got, err := client.SubscriptionAdminClient.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: path, Permissions: []string{consume}})
	switch {
	case status.Code(err) == codes.Unimplemented:
		r.skipped("permission", "the server does not tell permissions, as emulators do not")
	case err != nil:
		r.failWith("permission", googleDiagnosis(project, path, err))
	case !slices.Contains(got.GetPermissions(), consume):
		r.fail("permission", fmt.Sprintf("gcloud pubsub subscriptions add-iam-policy-binding %s --member=serviceAccount:… --role=roles/pubsub.subscriber; if it is not there, create it", path),
			"the permission %s on %s is missing, or there is no such subscription", consume, path)
	default:
		r.ok("permission", "%s is granted", consume)
	}
}

// isServiceDisabled goes by the reason that Google gives in words and details.
func isServiceDisabled(err error) bool {
	return strings.Contains(err.Error(), "SERVICE_DISABLED") || strings.Contains(err.Error(), "has not been used in project")
}

// googleDiagnosis goes by the codes of gRPC,
// https://cloud.google.com/pubsub/docs/reference/error-codes.
func googleDiagnosis(project, path string, err error) diagnosis {
	s, _ := status.FromError(err)
	switch {
	case isServiceDisabled(err):
		return diagnosis{"the Pub/Sub API is not enabled in project " + project, "gcloud services enable pubsub.googleapis.com --project=" + project}
	case s.Code() == codes.NotFound && strings.Contains(s.Message(), "project not found"):
		return diagnosis{"there is no project " + project, "HELIOS_GCP_PROJECT takes the id of the project, not its name"}
	case s.Code() == codes.NotFound:
		return diagnosis{"there is no " + path, "check HELIOS_GCP_PROJECT and HELIOS_GCP_SUBSCRIPTION, or create it: gcloud pubsub subscriptions create … --topic=…; one that nobody pulled from for 31 days expires"}
	case s.Code() == codes.PermissionDenied:
		return diagnosis{"permission denied: " + s.Message(), "grant roles/pubsub.subscriber on " + path}
	case s.Code() == codes.Unauthenticated, strings.Contains(err.Error(), "invalid_grant"):
		return diagnosis{"Google does not accept the credentials: " + s.Message(), "the key was deleted or has expired, or this machine's clock is wrong: invalid_grant means either"}
	case strings.Contains(err.Error(), "could not find default credentials"):
		return diagnosis{"no credentials were found", "set GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth application-default login, or give the machine a service account"}
	case s.Code() == codes.Unavailable, s.Code() == codes.DeadlineExceeded:
		if d, ok := network("pubsub.googleapis.com", err); ok && s.Code() == codes.DeadlineExceeded {
			return d
		}
		return diagnosis{"Pub/Sub was not reached: " + s.Message(), "check firewalls, the proxy and HELIOS_GCP_ENDPOINT; in a private network, Private Google Access"}
	}
	return diagnosis{fmt.Sprintf("Pub/Sub says %s: %s", s.Code(), s.Message()), "see the message"}
}
