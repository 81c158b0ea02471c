package doctor

import (
	"context"
	"path/filepath"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// refusing answers every call of one kind with an error of Google.
type refusing struct{ err error }

func (r *refusing) React(any) (bool, any, error) {
	return r.err != nil, &pubsubpb.Subscription{}, r.err
}

// iam tells permissions, which pstest does not.
type iam struct {
	iampb.UnimplementedIAMPolicyServer
	granted []string
	err     error
}

func (i *iam) TestIamPermissions(context.Context, *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	return &iampb.TestIamPermissionsResponse{Permissions: i.granted}, i.err
}

func startPubSub(t *testing.T, sub *pubsubpb.Subscription) (*refusing, *iam, env) {
	t.Helper()
	refuse, policy := &refusing{}, &iam{granted: []string{consume}}
	server := pstest.NewServerWithCallback(0, func(s *grpc.Server) { iampb.RegisterIAMPolicyServer(s, policy) },
		pstest.ServerReactorOption{FuncName: "GetSubscription", Reactor: refuse})
	t.Cleanup(func() { _ = server.Close() })
	t.Setenv("PUBSUB_EMULATOR_HOST", server.Addr)
	_, err := server.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/shop/topics/orders"})
	require.NoError(t, err)
	if sub != nil {
		sub.Name, sub.Topic = "projects/shop/subscriptions/helios", "projects/shop/topics/orders"
		_, err = server.GServer.CreateSubscription(t.Context(), sub)
		require.NoError(t, err)
	}
	return refuse, policy, env{"HELIOS_GCP_PROJECT": "shop", "HELIOS_GCP_SUBSCRIPTION": "helios"}
}

func TestAPubSubSubscriptionInOrder(t *testing.T) {
	_, _, e := startPubSub(t, &pubsubpb.Subscription{AckDeadlineSeconds: 60, DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: "projects/shop/topics/orders", MaxDeliveryAttempts: 5}})
	found := ask(t, e, Options{}, "GCP Pub/Sub")
	want(t, found, "subscription", OK, "pull from projects/shop/topics/orders, acknowledgement within 60 s")
	want(t, found, "permission", OK, consume)
}

func TestASubscriptionThatIsNotThereOrPushesIsExplained(t *testing.T) {
	_, _, e := startPubSub(t, nil)
	want(t, ask(t, e, Options{}, "GCP Pub/Sub"), "subscription", Failed, "there is no projects/shop/subscriptions/helios")

	_, _, e = startPubSub(t, &pubsubpb.Subscription{PushConfig: &pubsubpb.PushConfig{PushEndpoint: "https://helios.example.com/gcp", AuthenticationMethod: &pubsubpb.PushConfig_OidcToken_{OidcToken: &pubsubpb.PushConfig_OidcToken{Audience: "https://wrong.example.com"}}}})
	want(t, ask(t, e, Options{}, "GCP Pub/Sub"), "subscription", Failed, "it pushes to helios.example.com and can't be pulled, with tokens for the audience https://wrong.example.com")
}

func TestAMissingPermissionOfGoogleIsNamed(t *testing.T) {
	refuse, policy, e := startPubSub(t, &pubsubpb.Subscription{})
	// A subscriber may consume without being allowed to look.
	refuse.err = status.Error(codes.PermissionDenied, "User not authorized to perform this action.")
	found := ask(t, e, Options{}, "GCP Pub/Sub")
	want(t, found, "subscription", Skipped, "pubsub.subscriptions.get")
	want(t, found, "permission", OK, consume)

	policy.granted = nil
	found = ask(t, e, Options{}, "GCP Pub/Sub")
	want(t, found, "permission", Failed, "roles/pubsub.subscriber")
	require.True(t, AnyFailed(found))

	policy.err = status.Error(codes.Unimplemented, "unknown service")
	want(t, ask(t, e, Options{}, "GCP Pub/Sub"), "permission", Skipped, "emulators")

	for says, err := range map[string]error{
		"the Pub/Sub API is not enabled in project shop": status.Error(codes.PermissionDenied, "Cloud Pub/Sub API has not been used in project 1234 before or it is disabled."),
		"there is no project shop":                       status.Error(codes.NotFound, "Requested project not found or user does not have access to it (project=shop)."),
		"Google does not accept the credentials":         status.Error(codes.Unauthenticated, "Request had invalid authentication credentials."),
	} {
		refuse.err = err
		want(t, ask(t, e, Options{}, "GCP Pub/Sub"), "subscription", Failed, says)
	}
}

func TestSettingsOfGoogleAreExplained(t *testing.T) {
	want(t, ask(t, env{"HELIOS_GCP_SUBSCRIPTION": "helios"}, Options{}, "GCP Pub/Sub"), "settings", Failed, "HELIOS_GCP_PROJECT is not")
	want(t, ask(t, env{"HELIOS_GCP_SUBSCRIPTION": "projects/a/subscriptions/b", "HELIOS_GCP_PROJECT": "a"}, Options{}, "GCP Pub/Sub"), "settings", Failed, "the last part only")
	e := env{"HELIOS_GCP_SUBSCRIPTION": "helios", "HELIOS_GCP_PROJECT": "shop"}
	e["GOOGLE_APPLICATION_CREDENTIALS"] = filepath.Join(t.TempDir(), "none.json")
	want(t, ask(t, e, Options{}, "GCP Pub/Sub"), "credentials", Failed, "can't be read")
	e["HELIOS_GCP_CREDENTIALS_JSON"] = "{not json"
	want(t, ask(t, e, Options{}, "GCP Pub/Sub"), "credentials", Failed, "HELIOS_GCP_CREDENTIALS_JSON is no credential of Google")
}
