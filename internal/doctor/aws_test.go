package doctor

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
)

// answer is one of AWS's.
type answer struct {
	status     int
	kind, body string
	query      string // header of services that spoke another protocol before
}

// amazon answers as the services do, by action.
type amazon struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]answer
	date    time.Time // of the answers; zero is now
	asked   []string
}

func startAmazon(t *testing.T) (*amazon, env) {
	t.Helper()
	a := &amazon{answers: map[string]answer{}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	// The SDK reads these by itself; nothing of this machine must get in.
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_STS": a.URL, "AWS_ENDPOINT_URL_SQS": a.URL, "AWS_ENDPOINT_URL_KINESIS": a.URL,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": "",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not/a+real-secret", "AWS_SESSION_TOKEN": "", "AWS_REGION": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
	} {
		t.Setenv(name, value)
	}
	a.answers["GetCallerIdentity"] = answer{status: 200, kind: "text/xml", body: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/helios</Arn><UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`}
	a.answers["GetQueueAttributes"] = json10(`{"Attributes":{"ApproximateNumberOfMessages":"7","VisibilityTimeout":"30","RedrivePolicy":"{}"}}`)
	invalid := `{"Successful":[],"Failed":[{"Id":"0","Code":"ReceiptHandleIsInvalid","SenderFault":true,"Message":"The input receipt handle is invalid."}]}`
	a.answers["DeleteMessageBatch"], a.answers["ChangeMessageVisibilityBatch"] = json10(invalid), json10(invalid)
	return a, env{
		"HELIOS_AWS_SQS_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/helios", "AWS_REGION": "eu-central-1",
		"AWS_SECRET_ACCESS_KEY": "not/a+real-secret",
	}
}

func json10(body string) answer {
	return answer{status: 200, kind: "application/x-amz-json-1.0", body: body}
}

// stsError is an error of the query protocol.
func stsError(code, message string) answer {
	return answer{status: 403, kind: "text/xml", body: fmt.Sprintf(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>1</RequestId></ErrorResponse>`, code, message)}
}

// sqsError is an error of the JSON protocol with its older name.
func sqsError(code, older, message string) answer {
	return answer{status: 400, kind: "application/x-amz-json-1.0", query: older + ";Sender", body: fmt.Sprintf(`{"__type":"com.amazonaws.sqs#%s","message":%q}`, code, message)}
}

func (a *amazon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action := r.Header.Get("X-Amz-Target")
	action = action[strings.LastIndexByte(action, '.')+1:]
	if action == "" {
		action = r.FormValue("Action")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, action)
	say := a.answers[action]
	if !a.date.IsZero() {
		w.Header().Set("Date", a.date.UTC().Format(http.TimeFormat))
	}
	if say.query != "" {
		w.Header().Set("X-Amzn-Query-Error", say.query)
	}
	w.Header().Set("Content-Type", say.kind)
	if say.status == 0 {
		say.status = http.StatusNotImplemented
	}
	w.WriteHeader(say.status)
	_, _ = w.Write([]byte(say.body))
}

func TestAWSInOrder(t *testing.T) {
	a, e := startAmazon(t)
	found := ask(t, e, Options{}, "AWS", "AWS SQS")
	want(t, found, "identity", OK, "account 123456789012, arn:aws:iam::123456789012:user/helios, region eu-central-1")
	want(t, found, "clock", OK, "AWS")
	want(t, found, "region", OK, "eu-central-1")
	want(t, found, "queue", OK, "7 messages wait")
	want(t, found, "sqs:DeleteMessage", OK, "allowed")
	want(t, found, "sqs:ReceiveMessage", Skipped, "--receive")
	require.NotContains(t, a.asked, "ReceiveMessage", "no message is taken unless asked for")
}

func TestAWrongRegionIsSaidInWords(t *testing.T) {
	a, e := startAmazon(t)
	delete(e, "AWS_REGION")
	a.answers["GetQueueAttributes"] = sqsError("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
	found := ask(t, e, Options{}, "AWS", "AWS SQS")
	want(t, found, "region", Failed, "wrong region: AWS_REGION is not set, which means us-east-1, and the queue is in eu-central-1 → set AWS_REGION=eu-central-1")
	want(t, found, "queue", Failed, "there is no queue helios in us-east-1")
}

func TestAMissingQueueIsToldFromAMissingPermission(t *testing.T) {
	a, e := startAmazon(t)
	a.answers["GetQueueAttributes"] = sqsError("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
	want(t, ask(t, e, Options{}, "AWS", "AWS SQS"), "queue", Failed, "there is no queue helios of account 123456789012 in eu-central-1")

	const words = "User: arn:aws:iam::123456789012:user/helios is not authorized to perform: sqs:deletemessage on resource: arn:aws:sqs:eu-central-1:123456789012:helios because no identity-based policy allows the sqs:deletemessage action"
	a.answers["GetQueueAttributes"] = json10(`{"Attributes":{"ApproximateNumberOfMessages":"0","VisibilityTimeout":"30"}}`)
	a.answers["DeleteMessageBatch"] = sqsError("AccessDeniedException", "AccessDenied", words)
	a.answers["ReceiveMessage"] = sqsError("AccessDeniedException", "AccessDenied", "User is not authorized to perform: sqs:receivemessage with an explicit deny in a service control policy")
	found := ask(t, e, Options{Receive: true}, "AWS", "AWS SQS")
	want(t, found, "queue", Warned, "no dead-letter queue")
	want(t, found, "sqs:DeleteMessage", Failed, "the permission sqs:DeleteMessage is missing: "+words)
	want(t, found, "sqs:ChangeMessageVisibility", OK, "allowed")
	want(t, found, "sqs:ReceiveMessage", Failed, "denies sqs:ReceiveMessage explicitly")

	e["HELIOS_AWS_SQS_URL"] = "https://sqs.eu-central-1.amazonaws.com/999999999999/helios"
	a.answers["GetQueueAttributes"] = sqsError("AccessDeniedException", "AccessDenied", words)
	want(t, ask(t, e, Options{}, "AWS", "AWS SQS"), "queue", Failed, "belongs to account 999999999999 and the caller to 123456789012")
}

func TestCredentialsThatAWSRefusesAreExplainedOnce(t *testing.T) {
	for code, says := range map[string][2]string{
		"InvalidClientTokenId":  {"The security token included in the request is invalid.", "the access key id is not known to AWS"},
		"SignatureDoesNotMatch": {"The request signature we calculated does not match the signature you provided.", "the secret access key does not belong"},
		"ExpiredToken":          {"The security token included in the request is expired", "have expired"},
		"RequestTimeTooSkewed":  {"The difference between the request time and the current time is too large.", "this machine's clock differs too much"},
	} {
		a, e := startAmazon(t)
		a.answers["GetCallerIdentity"] = stsError(code, says[0])
		found := ask(t, e, Options{}, "AWS", "AWS SQS")
		want(t, found, "identity", Failed, says[1])
		want(t, found, "queue", Skipped, "lets nobody in")
	}
	a, e := startAmazon(t)
	a.answers["GetCallerIdentity"] = stsError("SignatureDoesNotMatch", "Signature expired: 20261127T113000Z is now earlier than 20261127T114500Z (20261127T120000Z - 15 min.)")
	want(t, ask(t, e, Options{}, "AWS"), "identity", Failed, "this machine's clock differs too much from that of AWS")
}

func TestAClockThatIsOffIsMeasured(t *testing.T) {
	a, e := startAmazon(t)
	a.date = time.Now().Add(20*time.Minute + 30*time.Second)
	want(t, ask(t, e, Options{}, "AWS"), "clock", Failed, "behind that of AWS")
	require.Regexp(t, `is 20m(29|30)s behind`, finding(t, ask(t, e, Options{}, "AWS"), "clock").Detail)
	a.date = time.Now().Add(-90 * time.Second)
	want(t, ask(t, e, Options{}, "AWS"), "clock", Warned, "ahead of")
}

func TestNoCredentialsAtAllAreSaid(t *testing.T) {
	_, e := startAmazon(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	found := ask(t, e, Options{}, "AWS", "AWS SQS")
	want(t, found, "credentials", Failed, "AWS_ACCESS_KEY_ID")
	want(t, found, "queue", Skipped, "lets nobody in")
}

func TestTheQueueOfAnEmulatorIsCheckedWithoutSTS(t *testing.T) {
	_, e := startAmazon(t)
	queue, err := embedded.StartSQS("helios")
	require.NoError(t, err)
	t.Cleanup(queue.Close)
	t.Setenv("AWS_ENDPOINT_URL_SQS", "")
	e["HELIOS_AWS_SQS_URL"], e["HELIOS_AWS_ENDPOINT"] = queue.URL(), queue.Endpoint()
	found := ask(t, e, Options{Receive: true}, "AWS", "AWS SQS")
	want(t, found, "identity", Skipped, "emulator")
	want(t, found, "queue", Warned, "no dead-letter queue")
	want(t, found, "sqs:DeleteMessage", OK, "allowed")
	want(t, found, "sqs:ReceiveMessage", OK, "0 messages received")
}

func TestAStreamOfKinesisIsChecked(t *testing.T) {
	a, e := startAmazon(t)
	e["HELIOS_AWS_KINESIS_STREAM"] = "orders"
	kinesis := func(status int, body string) answer {
		return answer{status: status, kind: "application/x-amz-json-1.1", body: body}
	}
	a.answers["DescribeStreamSummary"] = kinesis(200, `{"StreamDescriptionSummary":{"StreamName":"orders","StreamStatus":"ACTIVE","OpenShardCount":4,"RetentionPeriodHours":24}}`)
	want(t, ask(t, e, Options{}, "AWS", "AWS Kinesis"), "stream", OK, "4 shards")
	a.answers["DescribeStreamSummary"] = kinesis(400, `{"__type":"ResourceNotFoundException","message":"Stream orders under account 123456789012 not found."}`)
	want(t, ask(t, e, Options{}, "AWS", "AWS Kinesis"), "stream", Failed, "there is no stream orders in eu-central-1")
	a.answers["DescribeStreamSummary"] = kinesis(400, `{"__type":"AccessDeniedException","message":"not authorized to perform: kinesis:DescribeStreamSummary"}`)
	want(t, ask(t, e, Options{}, "AWS", "AWS Kinesis"), "stream", Failed, "the permission kinesis:DescribeStreamSummary is missing")
}
