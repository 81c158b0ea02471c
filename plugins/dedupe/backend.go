package dedupe

import (
	"context"
	"sync"
	"time"
)

// Backend keeps claims and confirmations. It does what Table does, for whole
// batches; where an error is returned, any part of the call may have been done,
// and repeating it with the same owner is safe. It is safe for concurrent use.
type Backend interface {
	// Claim asks for keys in the owner's name and sets answers[i] for keys[i].
	Claim(ctx context.Context, owner string, keys []Key, answers []Answer) error
	// Confirm makes keys known as durable, whoever claims them.
	Confirm(ctx context.Context, keys []Key) error
	// Release gives up those of the keys that the owner has.
	Release(ctx context.Context, owner string, keys []Key) error
	// Renew gives the owner's claims their full term again.
	Renew(ctx context.Context, owner string, keys []Key) error
	// Close ends the backend's connections.
	Close() error
}

// memory is the backend within the process.
type memory struct {
	mu    sync.Mutex
	table *Table
	now   func() time.Time
}

// NewMemory returns a backend that lives and dies with the process.
func NewMemory(terms Terms, maxKeys int) Backend {
	return &memory{table: NewTable(terms, maxKeys), now: time.Now}
}

func (m *memory) Claim(_ context.Context, owner string, keys []Key, answers []Answer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for i, key := range keys {
		answers[i] = m.table.Claim(now, owner, key)
	}
	return nil
}

func (m *memory) Confirm(_ context.Context, keys []Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for _, key := range keys {
		m.table.Confirm(now, key)
	}
	return nil
}

func (m *memory) Release(_ context.Context, owner string, keys []Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		m.table.Release(owner, key)
	}
	return nil
}

func (m *memory) Renew(_ context.Context, owner string, keys []Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for _, key := range keys {
		m.table.Renew(now, owner, key)
	}
	return nil
}

func (*memory) Close() error { return nil }
