//go:build unix

package ingest

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azqueue"

	"github.com/helios-connect/helios/internal/azuritetest"
)

// StorageQueue is a queue of Azure Storage, to which Event Grid delivers.
type StorageQueue struct {
	addr  string
	queue *azqueue.QueueClient
}

// StartStorageQueue starts Azurite with an empty queue for the time of a test.
func StartStorageQueue(t testing.TB) *StorageQueue {
	t.Helper()
	server := azuritetest.Start(t)
	queue, err := azqueue.NewQueueClientFromConnectionString(azuritetest.ConnectionString(server.Addr()), "orders", nil)
	if err == nil {
		_, err = queue.Create(context.Background(), nil)
	}
	if err != nil {
		t.Fatalf("creating the Storage queue: %v", err)
	}
	return &StorageQueue{addr: server.Addr(), queue: queue}
}

// Name is azure.
func (*StorageQueue) Name() string { return "azure" }

// Addr is the service's address.
func (q *StorageQueue) Addr() string { return q.addr }

// Env are HELIOS_AZURE_…
func (*StorageQueue) Env(addr string) []string {
	return []string{
		"HELIOS_AZURE_QUEUE=orders", "HELIOS_AZURE_STORAGE_CONNECTION_STRING=" + azuritetest.ConnectionString(addr),
		"HELIOS_AZURE_STORAGE_ACCOUNT=", "HELIOS_AZURE_STORAGE_ACCESS_KEY=", "HELIOS_AZURE_EVENTHUB=", "HELIOS_AZURE_SERVICEBUS=",
	}
}

// Held counts the messages that were not deleted.
func (q *StorageQueue) Held(t testing.TB) int64 {
	t.Helper()
	properties, err := q.queue.GetProperties(context.Background(), nil)
	if err != nil {
		t.Fatalf("asking for the length of the Storage queue: %v", err)
	}
	return int64(*properties.ApproximateMessagesCount)
}

// Event is one of the Event Grid schema
// (https://learn.microsoft.com/azure/event-grid/event-schema).
func (*StorageQueue) Event(id string) string {
	return fmt.Sprintf(`{"id":%q,"topic":"/subscriptions/1/resourceGroups/shop/providers/Microsoft.EventGrid/topics/orders","subject":"ord-%s","eventType":"com.example.order.paid","eventTime":"2026-11-27T10:00:00Z","dataVersion":"1.0","metadataVersion":"1","data":{"order_id":"ord-%s","amount":10.50}}`, id, id, id)
}

// Send sends messages in Base64, as Event Grid does.
func (q *StorageQueue) Send(t testing.TB, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		q.SendText(t, base64.StdEncoding.EncodeToString([]byte(body)))
	}
}

// SendText sends a message as it is.
func (q *StorageQueue) SendText(t testing.TB, text string) {
	t.Helper()
	if _, err := q.queue.EnqueueMessage(context.Background(), text, nil); err != nil {
		t.Fatalf("sending to the Storage queue: %v", err)
	}
}
