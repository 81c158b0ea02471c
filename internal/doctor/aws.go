package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// awsSession is what the checks of AWS share.
type awsSession struct {
	config   aws.Config
	clock    *clock
	endpoint string // of an emulator, or empty
	account  string // of the caller, once known
	arn      string
	unusable bool // no credentials: what follows would only repeat it
}

func awsUnset(r *run) string {
	if r.get("HELIOS_AWS_SQS_URL") == "" && r.get("HELIOS_AWS_KINESIS_STREAM") == "" {
		return "neither HELIOS_AWS_SQS_URL nor HELIOS_AWS_KINESIS_STREAM is set"
	}
	return ""
}

// checkAWS finds credentials as the inputs do, and asks whose they are.
func checkAWS(ctx context.Context, r *run) {
	s := &awsSession{clock: &clock{now: r.Now}, endpoint: r.get("HELIOS_AWS_ENDPOINT")}
	r.aws = s
	options := []func(*config.LoadOptions) error{
		config.WithRegion(r.get("AWS_REGION")), config.WithRetryMaxAttempts(2),
	}
	if id := r.get("HELIOS_AWS_ACCESS_KEY_ID"); id != "" {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(id, r.get("HELIOS_AWS_SECRET_ACCESS_KEY"), "")))
	}
	var err error
	if s.config, err = config.LoadDefaultConfig(ctx, options...); err != nil {
		s.unusable = true
		r.fail("credentials", "correct ~/.aws/config or AWS_PROFILE", "reading the settings of AWS: %v", err)
		return
	}
	// Around the SDK's own client, which knows AWS_CA_BUNDLE and the proxy.
	s.clock.next, s.config.HTTPClient = s.config.HTTPClient, s.clock
	if _, err = s.config.Credentials.Retrieve(ctx); err != nil {
		s.unusable = true
		r.fail("credentials", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role", "none were found: %v", err)
		return
	}
	if s.endpoint != "" {
		r.skipped("identity", "HELIOS_AWS_ENDPOINT names an emulator, %s", hostOf(s.endpoint))
		return
	}
	who, err := sts.NewFromConfig(s.config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		r.failWith("identity", awsDiagnosis("AWS STS", "sts:GetCallerIdentity", err))
		// The later checks are as right or wrong by themselves: STS may be the only
		// service that a private network doesn't reach.
		s.unusable = s.unusable || isCredentialError(err)
	} else {
		s.account, s.arn = aws.ToString(who.Account), aws.ToString(who.Arn)
		r.ok("identity", "account %s, %s, region %s", s.account, s.arn, s.config.Region)
	}
	s.clock.report(r, "AWS")
}

func hostOf(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return u.Host
	}
	return "(no URL)"
}

// credentialCodes are errors about who asks, whatever is asked for
// (https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html; each
// service spells some of them in its own way).
var credentialCodes = map[string]diagnosis{
	"InvalidClientTokenId":        {"the access key id is not known to AWS", "the key was deleted, belongs to another partition (China, GovCloud), or is misspelled; with temporary credentials AWS_SESSION_TOKEN is needed too"},
	"UnrecognizedClientException": {"the access key id or the session token is not known to AWS", "the key was deleted, belongs to another partition (China, GovCloud), or is misspelled; with temporary credentials AWS_SESSION_TOKEN is needed too"},
	"InvalidAccessKeyId":          {"the access key id is not known to AWS", "check AWS_ACCESS_KEY_ID"},
	"SignatureDoesNotMatch":       {"the secret access key does not belong to the access key id", "correct AWS_SECRET_ACCESS_KEY: spaces and a lost + or / are usual"},
	"InvalidSignatureException":   {"the secret access key does not belong to the access key id", "correct AWS_SECRET_ACCESS_KEY: spaces and a lost + or / are usual"},
	"ExpiredToken":                {"the temporary credentials have expired", "sign in again (aws sso login), or use a role that is renewed by itself"},
	"ExpiredTokenException":       {"the temporary credentials have expired", "sign in again (aws sso login), or use a role that is renewed by itself"},
	"RequestTimeTooSkewed":        {"this machine's clock differs too much from that of AWS", "synchronise this machine's clock (chrony, systemd-timesyncd)"},
	"RequestExpired":              {"this machine's clock differs too much from that of AWS", "synchronise this machine's clock (chrony, systemd-timesyncd)"},
	"OptInRequired":               {"the region is not switched on for the account", "switch it on under Account, AWS Regions, or correct AWS_REGION"},
}

func isCredentialError(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	_, known := credentialCodes[api.ErrorCode()]
	return known
}

// clockWords is what an AWS message about signatures says when it is the clock.
var clockWords = regexp.MustCompile(`(?i)signature (expired|not yet current)|is now earlier than|is still later than`)

// ExplainAWS puts an error of AWS into words: what is wrong, and what to do about
// it. action is the permission that the call takes.
func ExplainAWS(at, action string, err error) (wrong, advice string) {
	d := awsDiagnosis(at, action, err)
	return d.wrong, d.advice
}

// awsDiagnosis puts an error of AWS into words; action is the permission that
// the call takes.
func awsDiagnosis(at, action string, err error) diagnosis {
	var api smithy.APIError
	if !errors.As(err, &api) {
		if d, ok := network(at, err); ok {
			d.advice += "; in a private network, a VPC endpoint"
			return d
		}
		return diagnosis{"asking " + at + ": " + err.Error(), "see the message"}
	}
	if clockWords.MatchString(api.ErrorMessage()) {
		d := credentialCodes["RequestTimeTooSkewed"]
		return diagnosis{d.wrong + ": " + api.ErrorMessage(), d.advice}
	}
	if d, ok := credentialCodes[api.ErrorCode()]; ok {
		return d
	}
	switch code := api.ErrorCode(); {
	case strings.HasPrefix(code, "AccessDenied"), code == "AuthorizationError", code == "UnauthorizedOperation":
		advice := fmt.Sprintf("allow %s on it in the policy of the caller, and in the resource's own policy when it is of another account", action)
		if strings.Contains(api.ErrorMessage(), "explicit deny") {
			advice = fmt.Sprintf("a policy denies %s explicitly (a service control policy, a permissions boundary or the resource's policy); an allow elsewhere does not help", action)
		}
		return diagnosis{fmt.Sprintf("the permission %s is missing: %s", action, api.ErrorMessage()), advice}
	case strings.Contains(code, "KMS"), strings.HasPrefix(code, "Kms"):
		return diagnosis{"the key that encrypts it may not be used: " + api.ErrorMessage(), "allow kms:Decrypt on the key, in the caller's policy and in the key's"}
	case strings.Contains(code, "Throttl"), code == "RequestLimitExceeded":
		return diagnosis{at + " is asked too often: " + code, "try again; other processes use up the account's rate"}
	}
	return diagnosis{fmt.Sprintf("%s says %s: %s", at, api.ErrorCode(), api.ErrorMessage()), "see the message"}
}

// sqsHost is the host of a queue's URL, in the form of today and that of before
// (https://docs.aws.amazon.com/general/latest/gr/sqs-service.html).
var sqsHost = regexp.MustCompile(`^(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue|(queue))\.amazonaws\.com(?:\.cn)?$`)

// queueRegion returns the region of a queue's URL; empty: it can't be told.
func queueRegion(u *url.URL) string {
	m := sqsHost.FindStringSubmatch(u.Hostname())
	if m == nil {
		return ""
	}
	if m[3] != "" {
		return "us-east-1"
	}
	return cmp.Or(m[1], m[2])
}
