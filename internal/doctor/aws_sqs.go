package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/helios-connect/helios/internal/terminal"
)

// checkSQS checks the queue, and each permission that the input needs.
func checkSQS(ctx context.Context, r *run) {
	raw := r.get("HELIOS_AWS_SQS_URL")
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || strings.Count(strings.Trim(u.Path, "/"), "/") < 1 {
		r.fail("settings", "give the queue's URL as the console shows it: https://sqs.eu-central-1.amazonaws.com/123456789012/helios", "HELIOS_AWS_SQS_URL is no URL of a queue")
		return
	}
	sameRegion := checkRegion(r, u)
	s := r.aws
	if s.unusable {
		r.skipped("queue", "AWS lets nobody in with these credentials")
		return
	}
	client := sqs.NewFromConfig(s.config, func(o *sqs.Options) {
		if s.endpoint != "" {
			o.BaseEndpoint = aws.String(s.endpoint)
		}
	})
	got, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &raw, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		r.failWith("queue", queueDiagnosis(s, u, sameRegion, err))
		if isMissing(err) || !isDenied(err) {
			return
		}
	} else {
		reportQueue(r, got.Attributes)
	}
	checkSettling(ctx, r, client, raw)
	checkReceiving(ctx, r, client, raw)
}

// checkRegion compares the region of the queue's URL with the one that is asked.
func checkRegion(r *run, u *url.URL) bool {
	region := queueRegion(u)
	switch {
	case region == "" || r.get("HELIOS_AWS_ENDPOINT") != "":
		return true
	case region != r.aws.config.Region:
		how := fmt.Sprintf("AWS_REGION is %s", r.aws.config.Region)
		if r.Getenv("AWS_REGION") == "" {
			how = fmt.Sprintf("AWS_REGION is not set, which means %s", r.aws.config.Region)
		}
		r.fail("region", "set AWS_REGION="+region, "wrong region: %s, and the queue is in %s", how, region)
		return false
	}
	r.ok("region", "%s, as AWS_REGION says", region)
	return true
}

func isMissing(err error) bool {
	var missing *types.QueueDoesNotExist
	var api smithy.APIError
	return errors.As(err, &missing) || errors.As(err, &api) && strings.HasSuffix(api.ErrorCode(), "NonExistentQueue")
}

func isDenied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied")
}

func queueDiagnosis(s *awsSession, u *url.URL, sameRegion bool, err error) diagnosis {
	account, name, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	switch {
	case isMissing(err) && !sameRegion:
		return diagnosis{fmt.Sprintf("there is no queue %s in %s", name, s.config.Region), "the region is wrong: see above"}
	case isMissing(err):
		return diagnosis{fmt.Sprintf("there is no queue %s of account %s in %s", name, account, s.config.Region), "check name, account and region in HELIOS_AWS_SQS_URL, or create the queue; after deleting one its name is free a minute later"}
	}
	d := awsDiagnosis("SQS", "sqs:GetQueueAttributes", err)
	if isDenied(err) && s.account != "" && s.account != account {
		d.advice = fmt.Sprintf("the queue belongs to account %s and the caller to %s: the queue's policy must allow the caller, and so must the caller's own", account, s.account)
	}
	return d
}

func reportQueue(r *run, a map[string]string) {
	waiting, _ := strconv.Atoi(a["ApproximateNumberOfMessages"])
	detail := fmt.Sprintf("%s, visibility timeout %s s", terminal.Count(waiting, "message waits", "messages wait"), a["VisibilityTimeout"])
	if a["RedrivePolicy"] == "" {
		r.warn("queue", "give the queue a dead-letter queue with maxReceiveCount 5 or more", "%s; it has no dead-letter queue", detail)
		return
	}
	r.ok("queue", "%s", detail)
}

// probeHandle is no receipt handle: SQS looks at the permission first and at the
// handle then, so that nothing is touched.
const probeHandle = "helios-doctor"

// checkSettling tries what follows a delivery, on a message that isn't there.
func checkSettling(ctx context.Context, r *run, client *sqs.Client, queue string) {
	id, handle := aws.String("0"), aws.String(probeHandle)
	_, err := client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &queue, Entries: []types.DeleteMessageBatchRequestEntry{{Id: id, ReceiptHandle: handle}}})
	settled(r, "sqs:DeleteMessage", err)
	_, err = client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &queue, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{{Id: id, ReceiptHandle: handle}}})
	settled(r, "sqs:ChangeMessageVisibility", err)
}

func settled(r *run, action string, err error) {
	var api smithy.APIError
	if err == nil || errors.As(err, &api) && (strings.Contains(api.ErrorCode(), "ReceiptHandleIsInvalid") || strings.Contains(api.ErrorCode(), "InvalidParameterValue")) {
		r.ok(action, "allowed")
		return
	}
	r.failWith(action, awsDiagnosis("SQS", action, err))
}

// checkReceiving receives a message, if that was asked for, and hands it back.
func checkReceiving(ctx context.Context, r *run, client *sqs.Client, queue string) {
	const action = "sqs:ReceiveMessage"
	if !r.Receive {
		r.skipped(action, "not tried, since it counts as a delivery; --receive does it")
		return
	}
	// A visibility timeout of 0 can't be given here: the SDK leaves it out.
	got, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 1, VisibilityTimeout: 1})
	if err != nil {
		r.failWith(action, awsDiagnosis("SQS", action, err))
		return
	}
	for _, m := range got.Messages {
		_, err := client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0})
		if err != nil {
			r.warn(action, "nothing to do", "a message was received and could not be handed back at once; it is there again in a second: %v", err)
			return
		}
	}
	r.ok(action, "allowed; %s received and handed back", terminal.Count(len(got.Messages), "message", "messages"))
}
