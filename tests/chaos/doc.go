// Package chaos kills the real program with -9 at chosen steps between the
// receipt of an event and its confirmation, takes the broker and Redis away, and
// then counts: what was sent, by the senders' own ledger, against what lies in the
// topics. HELIOS_CHAOS_SEED repeats a run (the steps and what is sent, not the
// timing), HELIOS_CHAOS_ROUNDS has every point tried so often, HELIOS_CHAOS_OUTAGE
// says how many seconds an outage lasts; make chaos sets 20 and 60.
//
// What pushes is the webhook: a sender goes on until it is answered with success.
// What is pulled are SQS and Pub/Sub (the emulators of package embedded) and a
// Storage queue (Azurite), through pipelines/ingest-*.yaml and
// config/production.yaml as they are, with HELIOS_DEDUPE=redis.
//
// What has to hold in both is that every event lies in helios.events, and what is
// none in helios.dlq. How often it may lie there:
//
//   - After a kill an event is written again only if it was in the log and not yet
//     confirmed in Redis at that moment. One process never writes an event twice,
//     however often it was sent.
//   - What is no event has no key: once for each process, and again whenever the
//     cloud hands it out again to one that lives.
//   - After Redis lost its memory, as often as the event was sent; once, when it
//     was sent once.
package chaos
