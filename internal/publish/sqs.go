package publish

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// queue is one of SQS, into which events are put as a rule of EventBridge does.
type queue struct {
	client      *sqs.Client
	url, region string
	fifo        bool
}

func newQueue(ctx context.Context, url, region, endpoint string) (*queue, error) {
	conf, err := loadAWS(ctx, region, endpoint)
	if err != nil {
		return nil, err
	}
	return &queue{url: url, region: conf.Region, fifo: strings.HasSuffix(url, ".fifo"), client: sqs.NewFromConfig(conf, func(o *sqs.Options) {
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
	})}, nil
}

func (q *queue) name() string  { return "SQS queue " + q.url[strings.LastIndexByte(q.url, '/')+1:] }
func (q *queue) cloud() string { return "aws" }
func (q *queue) close()        {}

// limits: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html.
func (q *queue) limits() limits { return limits{entries: 10, bytes: 1 << 20, each: 1 << 20} }

func (q *queue) keyed(e *Event) bool { return hasOrder(e) }

func (q *queue) encode(e *Event) (entry, error) {
	body, err := envelopeOf(e, q.region)
	if err != nil {
		return entry{}, fmt.Errorf("writing the envelope: %w", err)
	}
	m := types.SendMessageBatchRequestEntry{MessageBody: aws.String(string(body))}
	if q.fifo {
		m.MessageGroupId, m.MessageDeduplicationId = aws.String(limited(e.subject(), e.ID)), aws.String(limited(e.ID, e.ID))
	}
	return entry{event: e, body: m, size: len(body)}, nil
}

// limited returns one that fits into the 128 characters of an id of a FIFO queue.
func limited(one, other string) string {
	if one == "" {
		one = other
	}
	return one[:min(len(one), 128)]
}

func (q *queue) send(ctx context.Context, batch []entry) ([]*refusal, error) {
	in := &sqs.SendMessageBatchInput{QueueUrl: &q.url}
	for i, e := range batch {
		m := e.body.(types.SendMessageBatchRequestEntry)
		m.Id = aws.String(strconv.Itoa(i))
		in.Entries = append(in.Entries, m)
	}
	out, err := q.client.SendMessageBatch(ctx, in)
	var missing *types.QueueDoesNotExist
	switch {
	case errors.As(err, &missing):
		return nil, &refusal{code: "QueueDoesNotExist", text: "there is no such queue in " + q.region, advice: "check --queue, and --region against the region in its URL", remedy: stop}
	case err != nil:
		return nil, awsRefusal("SQS", "sqs:SendMessage", err)
	}
	refused := make([]*refusal, len(batch))
	for _, f := range out.Failed {
		i, err := strconv.Atoi(aws.ToString(f.Id))
		if err != nil || i < 0 || i >= len(batch) {
			return nil, &refusal{code: "BadAnswer", text: fmt.Sprintf("the answer names an entry %q", aws.ToString(f.Id)), remedy: later}
		}
		refused[i] = &refusal{code: aws.ToString(f.Code), text: aws.ToString(f.Message), remedy: later}
		if f.SenderFault && !isThrottling(aws.ToString(f.Code)) {
			refused[i].remedy = never
		}
	}
	return refused, nil
}
