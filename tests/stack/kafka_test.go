package stack

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/tests/program"
)

// kafkas are the brokers that the stack is tried on, empty ones.
var kafkas = map[string]func(t *testing.T) (address string){
	"the Kafka in this process": func(t *testing.T) string {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
		require.NoError(t, err)
		t.Cleanup(cluster.Close)
		return cluster.ListenAddrs()[0]
	},
	"Apache Kafka": startApacheKafka,
}

// startApacheKafka starts a real broker of one node, whose programs Maven fetches once
// for all tests of a user.
func startApacheKafka(t *testing.T) string {
	java, maven := program.Find(t, "java"), program.Find(t, "mvn")
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	library := filepath.Join(cache, "helios-tests", "kafka-3.9.1")
	if found, _ := filepath.Glob(filepath.Join(library, "kafka_2.13-3.9.1.jar")); len(found) == 0 {
		out, err := exec.Command(maven, "--quiet", "--batch-mode", "--file", "kafka/pom.xml",
			"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", "-DoutputDirectory="+library).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}

	broker, controller, dir := free(t), free(t), t.TempDir()
	_, port, err := net.SplitHostPort(controller)
	require.NoError(t, err)
	config := filepath.Join(dir, "server.properties")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%s
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://%s,CONTROLLER://127.0.0.1:%s
advertised.listeners=PLAINTEXT://%s
log.dirs=%s
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
`, port, broker, port, broker, filepath.Join(dir, "data")), 0o600))

	classes := filepath.Join(library, "*")
	out, err := exec.Command(java, "-cp", classes, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", config).CombinedOutput()
	require.NoError(t, err, "%s", out)
	server := start(t, exec.Command(java, "-Xmx512m", "-cp", classes, "kafka.Kafka", config))
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	require.NoError(t, err)
	defer client.Close()
	server.await(t, "Kafka's answer", func() bool { return client.Ping(t.Context()) == nil })
	return broker
}
