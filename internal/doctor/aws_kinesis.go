package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/helios-connect/helios/internal/terminal"
)

// checkKinesis checks the stream. Its table of offsets is made by the input.
func checkKinesis(ctx context.Context, r *run) {
	s, name := r.aws, r.get("HELIOS_AWS_KINESIS_STREAM")
	if s.unusable {
		r.skipped("stream", "AWS lets nobody in with these credentials")
		return
	}
	client := kinesis.NewFromConfig(s.config, func(o *kinesis.Options) {
		if s.endpoint != "" {
			o.BaseEndpoint = aws.String(s.endpoint)
		}
	})
	got, err := client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &name})
	var missing *types.ResourceNotFoundException
	switch {
	case errors.As(err, &missing):
		r.fail("stream", "check the name and AWS_REGION, or create the stream", "there is no stream %s in %s", name, s.config.Region)
		return
	case err != nil:
		r.failWith("stream", awsDiagnosis("Kinesis", "kinesis:DescribeStreamSummary", err))
		return
	}
	d := got.StreamDescriptionSummary
	if d.StreamStatus != types.StreamStatusActive && d.StreamStatus != types.StreamStatusUpdating {
		r.fail("stream", "wait until it is ACTIVE", "its status is %s", d.StreamStatus)
		return
	}
	r.ok("stream", "%s", fmt.Sprintf("%s, %s, kept for %d h; the table %s in DynamoDB is not looked at", d.StreamStatus, terminal.Count(aws.ToInt32(d.OpenShardCount), "shard", "shards"), aws.ToInt32(d.RetentionPeriodHours), r.get("HELIOS_AWS_KINESIS_TABLE")))
}
