package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"github.com/helios-connect/helios/internal/doctor"
)

// loadAWS finds region and credentials in the usual chain of AWS. An emulator
// gets credentials of its own when there are none.
func loadAWS(ctx context.Context, region, endpoint string) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		// What is tried again is decided entry by entry.
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
	}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	conf, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return conf, fmt.Errorf("reading the settings of AWS: %w", err)
	}
	if conf.Region == "" {
		if endpoint == "" {
			return conf, errors.New("no region is set: give --region or AWS_REGION, for example eu-central-1")
		}
		conf.Region = "us-east-1"
	}
	if _, err := conf.Credentials.Retrieve(ctx); err != nil {
		if endpoint == "" {
			return conf, fmt.Errorf("no credentials of AWS were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role: %w", err)
		}
		conf.Credentials = credentials.NewStaticCredentialsProvider("emulator", "emulator", "")
	}
	return conf, nil
}

// awsRefusal classifies an error that concerns a whole request.
func awsRefusal(at, action string, err error) error {
	if err == nil {
		return nil
	}
	wrong, advice := doctor.ExplainAWS(at, action, err)
	var api smithy.APIError
	if !errors.As(err, &api) {
		return &refusal{code: "NotReached", text: wrong, advice: advice, remedy: later}
	}
	r := &refusal{code: api.ErrorCode(), text: wrong, advice: advice, remedy: stop}
	status := 0
	var resp *awshttp.ResponseError
	if errors.As(err, &resp) {
		status = resp.HTTPStatusCode()
	}
	switch {
	case isThrottling(api.ErrorCode()), api.ErrorFault() == smithy.FaultServer, status >= 500, status == http.StatusTooManyRequests:
		r.remedy = later
	case status == http.StatusRequestEntityTooLarge, strings.Contains(api.ErrorCode(), "TooLong"), strings.Contains(api.ErrorCode(), "TooLarge"),
		strings.Contains(api.ErrorCode(), "Validation"), strings.Contains(api.ErrorCode(), "InvalidMessageContents"):
		r.remedy = smaller
	}
	return r
}

func isThrottling(code string) bool {
	return strings.Contains(code, "Throttl") || slices.Contains([]string{"RequestLimitExceeded", "TooManyRequestsException", "SlowDown"}, code)
}
