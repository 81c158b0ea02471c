// Package chaos kills the real program with -9 at chosen steps between the
// receipt of an event and its confirmation, and then counts: what the senders
// sent, by their own ledger, against what lies in the log.
package chaos
