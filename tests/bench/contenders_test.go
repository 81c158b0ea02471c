//go:build unix

package bench

// reconciler is the buffer that is measured, with what it takes by default
// except for the horizon: a minute, so that the warm-up reaches the state in
// which as many facts are forgotten as come.
var reconciler = contender{name: "helios_reconcile", buffer: `
buffer:
  helios_reconcile:
    correction_horizon: 60s
    expectations:
      - name: orders
        types: [ "com.example.order.*" ]
        expect: [ aws, azure, gcp ]
        window: 60s
        allowed_lateness: 10s
        compare:
          - { field: data.amount, tolerance: 0.01 }
          - { field: data.currency, ignore_case: true }
`}

// reconcilerWithoutHolding acknowledges on acceptance, as one does behind files.
var reconcilerWithoutHolding = contender{name: "helios_reconcile, hold_acks false", buffer: reconciler.buffer + `
    hold_acks: false
`}

// passThrough is the cheapest buffer there is.
var passThrough = contender{name: "pass-through", buffer: `
buffer:
  bench_pass_through: {}
`}

// naive is a plugin as one would write it first.
var naive = contender{name: "naive plugin", buffer: `
buffer:
  bench_naive: {}
`}

// configuration does the job with Redpanda Connect's own components. Its window
// goes by the machine's clock, so it takes facts dated now, and all events of a
// fact must fall into one window.
var configuration = contender{
	name: "configuration only",
	buffer: `
buffer:
  system_window:
    timestamp_mapping: root = this.time
    size: 1s
`,
	processors: `
    - group_by_value:
        value: ${! json("tenant") }/${! json("type") }/${! json("correlationid") }
    - mapping: |
        if batch_index() > 0 {
          root = deleted()
        } else {
          let clouds = json("cloud").from_all().unique()
          let missing = [ "aws", "azure", "gcp" ].filter(c -> !$clouds.contains(c))
          let amounts = json("data.amount").from_all()
          let currencies = json("data.currency").from_all().map_each(c -> c.uppercase()).unique()
          let diffs = [
            if $amounts.max() - $amounts.min() > 0.01 { "data.amount" } else { deleted() },
            if $currencies.length() > 1 { "data.currency" } else { deleted() },
          ]
          let status = if $missing.length() > 0 { "missing" } else if $diffs.length() > 0 { "mismatched" } else { "matched" }
          root.status = $status
          root.tenant = this.tenant
          root.type = this.type
          root.key = this.correlationid
          root.present = $clouds
          root.missing = $missing
          root.diffs = $diffs
          meta helios_status = $status
          meta helios_key = this.correlationid
        }
`}
