package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/kafkaconn"
	"github.com/helios-connect/helios/internal/terminal"
)

// checkKafka checks the log: brokers, topics, and what the protocol of
// reconciliation asks of them.
func checkKafka(ctx context.Context, r *run) {
	conn, err := kafkaconn.FromEnvironment(r.Getenv)
	if err != nil {
		r.fail("settings", "correct the variable; config/local.env.example shows its form", "%v", err)
		return
	}
	admin, ok := reachKafka(ctx, r, strings.Join(conn.Brokers, ", "), conn.Options...)
	if !ok {
		return
	}
	defer admin.Close()
	names := []string{r.get("HELIOS_TOPIC_EVENTS"), r.get("HELIOS_TOPIC_VERDICTS"), r.get("HELIOS_TOPIC_DLQ")}
	details, err := admin.ListTopics(kadm.WithAuthorizedOps(ctx), names...)
	if err != nil {
		r.failWith("topics", kafkaDiagnosis("the brokers", err))
		return
	}
	var present []string
	for _, name := range names {
		if topicThere(r, details[name], name) {
			present = append(present, name)
		}
	}
	events, verdicts := details[names[0]], details[names[1]]
	if slices.Contains(present, names[0]) && slices.Contains(present, names[1]) {
		comparePartitions(r, len(events.Partitions), len(verdicts.Partitions), names)
	}
	checkTopicSettings(ctx, r, admin, present)
}

// reachKafka connects to brokers and authenticates; it reports how that went.
func reachKafka(ctx context.Context, r *run, at string, options ...kgo.Opt) (*kadm.Client, bool) {
	client, err := kgo.NewClient(slices.Concat(options, []kgo.Opt{
		kgo.ClientID("helios-doctor"), kgo.RequestRetries(1), kgo.RetryTimeout(r.Timeout), kgo.DialTimeout(r.Timeout / 2),
	})...)
	if err != nil {
		r.fail("settings", "correct the addresses: host:port, several separated by commas", "%v", err)
		return nil, false
	}
	if err := client.Ping(ctx); err != nil {
		r.failWith("reach and sign-in", kafkaDiagnosis(at, err))
		client.Close()
		return nil, false
	}
	r.ok("reach and sign-in", "%s answers", at)
	return kadm.NewClient(client), true
}

// kafkaDiagnosis puts an error of the protocol into words.
func kafkaDiagnosis(at string, err error) diagnosis {
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return diagnosis{at + " refuses user or password", "check user name, password and mechanism in HELIOS_KAFKA_SASL"}
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return diagnosis{at + " does not offer the mechanism in HELIOS_KAFKA_SASL", "use one that the broker offers: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"}
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed):
		return diagnosis{"the user may not do that: " + err.Error(), "grant the rights in docs/doctor.md to the user in HELIOS_KAFKA_SASL"}
	case isFirstReadEOF(err):
		return diagnosis{at + " closed the connection on the first request", "the broker expects TLS or a sign-in, or it expects none: check HELIOS_KAFKA_TLS and HELIOS_KAFKA_SASL"}
	}
	d, ok := network(at, err)
	switch {
	case ok && errors.Is(err, io.EOF):
		d.advice = "check user, password and mechanism in HELIOS_KAFKA_SASL, and HELIOS_KAFKA_TLS: some brokers hang up instead of saying what is wrong"
	case ok && isTimeout(err):
		d.advice += "; a port without TLS is silent too when HELIOS_KAFKA_TLS is true, and the other way round"
	case !ok:
		d = diagnosis{err.Error(), "see the broker's log"}
	}
	return d
}

func isFirstReadEOF(err error) bool {
	var eof *kgo.ErrFirstReadEOF
	return errors.As(err, &eof)
}

// needed is what Helios does with every topic; it never makes one.
var needed = []kadm.ACLOperation{kadm.OpRead, kadm.OpWrite, kadm.OpDescribe}

func topicThere(r *run, t kadm.TopicDetail, name string) bool {
	what := "topic " + name
	switch {
	case errors.Is(t.Err, kerr.UnknownTopicOrPartition) || t.Err == nil && len(t.Partitions) == 0:
		r.fail(what, fmt.Sprintf("create it, for example rpk topic create %s -p 12 -c retention.ms=604800000; all topics of Helios get the same number of partitions", name), "there is no such topic")
		return false
	case t.Err != nil:
		r.failWith(what, kafkaDiagnosis("the topic", t.Err))
		return false
	}
	for _, p := range t.Partitions.Sorted() {
		if p.Err != nil {
			r.fail(what, "see the state of the brokers that hold it", "partition %d has no leader: %v", p.Partition, p.Err)
			return false
		}
	}
	var lacking []string
	for _, op := range needed {
		if len(t.AuthorizedOperations) > 0 && !slices.Contains(t.AuthorizedOperations, op) && !slices.Contains(t.AuthorizedOperations, kadm.OpAll) {
			lacking = append(lacking, op.String())
		}
	}
	if lacking != nil {
		r.fail(what, "grant them to the user in HELIOS_KAFKA_SASL", "the user lacks the rights %s", strings.Join(lacking, ", "))
		return true
	}
	r.ok(what, "%s", terminal.Count(len(t.Partitions), "partition", "partitions"))
	return true
}

func comparePartitions(r *run, events, verdicts int, names []string) {
	if events != verdicts {
		r.fail("partitions", fmt.Sprintf("give both the same number: rpk topic add-partitions can only raise one, and moves keys to other partitions, so do it while %s is empty", names[0]),
			"%s has %d and %s has %d; a verdict is written to the partition number of its events", names[0], events, names[1], verdicts)
		return
	}
	r.ok("partitions", "%s and %s both have %d", names[0], names[1], events)
}

const (
	aWeek = 7 * 24 * time.Hour
	aDay  = 24 * time.Hour
)

func checkTopicSettings(ctx context.Context, r *run, admin *kadm.Client, topics []string) {
	if len(topics) == 0 {
		return
	}
	described, err := admin.DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		r.skipped("topic settings", "they can't be read: %s", kafkaDiagnosis("the broker", err).wrong)
		return
	}
	for _, d := range described {
		what := "settings of " + d.Name
		if d.Err != nil {
			r.skipped(what, "they can't be read: %s", kafkaDiagnosis("the broker", d.Err).wrong)
			continue
		}
		values := map[string]string{}
		for _, c := range d.Configs {
			values[c.Key] = c.MaybeValue()
		}
		judgeTopicSettings(r, what, d.Name, values)
	}
}

func judgeTopicSettings(r *run, what, topic string, values map[string]string) {
	before := len(r.findings)
	if policy := values["cleanup.policy"]; strings.Contains(policy, "compact") {
		r.fail(what, fmt.Sprintf("rpk topic alter-config %s --set cleanup.policy=delete", topic),
			"cleanup.policy is %s; compaction removes earlier events and revisions of a fact, which reconciliation reads back", policy)
	}
	if ms, err := strconv.ParseInt(values["retention.ms"], 10, 64); err == nil && ms >= 0 {
		kept, advice := time.Duration(ms)*time.Millisecond, fmt.Sprintf("rpk topic alter-config %s --set retention.ms=604800000", topic)
		switch {
		case kept < aDay:
			r.fail(what, advice, "records are kept for %v only; what is open or may be corrected is read again from here after a crash", kept)
		case kept < aWeek:
			r.warn(what, advice, "records are kept for %v; 7 days are meant, so that a weekend's outage loses nothing", kept)
		}
	}
	most, err := strconv.Atoi(r.get("HELIOS_MAX_MESSAGE_BYTES"))
	if err != nil || most <= 0 {
		r.fail(what, "give a number of bytes, for example 1000000", "HELIOS_MAX_MESSAGE_BYTES is %q", r.get("HELIOS_MAX_MESSAGE_BYTES"))
	} else if limit, err := strconv.Atoi(cmp.Or(values["max.message.bytes"], "none")); err == nil && limit < most {
		r.fail(what, "lower HELIOS_MAX_MESSAGE_BYTES, or raise max.message.bytes of the topic",
			"max.message.bytes is %d and HELIOS_MAX_MESSAGE_BYTES %d; a larger event would hold up all that are written with it", limit, most)
	}
	if len(r.findings) == before {
		r.ok(what, "cleanup.policy %s, retention.ms %s, max.message.bytes %s", values["cleanup.policy"], values["retention.ms"], values["max.message.bytes"])
	}
}
