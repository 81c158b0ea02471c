package grafana

import "github.com/helios-connect/helios/grafana/alerts"

// fault is what goes wrong, or changes, in the second of the two runs.
type fault string

// The faults of the simulated clouds have the names of their classes; the others
// are made by a second process and by the test (surroundings).
const (
	missing       fault = "missing"
	mismatched    fault = "mismatched"
	duplicate     fault = "duplicate"
	late          fault = "late"
	malformed     fault = "malformed"
	stalled       fault = "stalled"
	more          fault = "more events"
	breach        fault = "contract breach"
	vanished      fault = "events vanish in ingest"
	slowVerdict   fault = "verdicts take 15 minutes"
	storeAway     fault = "store unavailable"
	storeSlow     fault = "store locked"
	storeRefuses  fault = "rows refused"
	behind        fault = "consumer behind"
	slowOutput    fault = "slow output"
	outputRefuses fault = "output answers 500"
	stumbles      fault = "a mapping stumbles"
	lost          fault = "connection lost"
	batched       fault = "batches instead of singles"
	pressure      fault = "too many facts open"
	noKey         fault = "request without the key"
	redelivered   fault = "delivered twice"
	idlers        fault = "idle connections"
	registryAway  fault = "registry away"
	deleted       fault = "a subject deleted"
	madeUp        fault = "names made up"
	newVersion    fault = "a new version of a contract"
)

// beside are the faults of the second process, whose metrics are apart.
var beside = []fault{vanished, slowVerdict, storeAway, storeSlow, storeRefuses, behind, slowOutput, outputRefuses, stumbles,
	lost, batched, pressure, noKey, redelivered, registryAway, madeUp}

// claim is one thing that a panel says it shows.
type claim struct {
	fault    fault
	query    int    // of the panel's
	series   string // label=value; empty: all of them
	measure  string // of a table, in SQL over its rows
	falls    bool   // otherwise it rises
	slightly bool   // any change counts, also one of less than a fifth
	atEnd    bool   // only the end of the time is compared, as what falls always is
	average  bool   // the mean over the time is compared and not its peak
}

func up(f fault) claim                    { return claim{fault: f} }
func down(f fault) claim                  { return claim{fault: f, falls: true} }
func of(series string, f fault) claim     { return claim{fault: f, series: series} }
func table(measure string, f fault) claim { return claim{fault: f, measure: measure} }
func tableDown(measure string, f fault) claim {
	return claim{fault: f, measure: measure, falls: true, slightly: true}
}
func (c claim) at(query int) claim           { c.query = query; return c }
func (c claim) mean() claim                  { c.average = true; return c }
func (c claim) ended() claim                 { c.atEnd = true; return c }
func (c claim) aLittle() claim               { c.slightly = true; return c }
func status(name string, faults fault) claim { return of("verdict_status="+name, faults) }

// shownElsewhere are panels that are about no fault, or asked elsewhere.
var shownElsewhere = map[string]string{
	"Live events/Events as they come":         "a channel of Grafana Live",
	"Live events/Verdicts as they fall":       "a channel of Grafana Live",
	"Live events/Pushed, sampled and dropped": "no Grafana is there; the tests of pipelines/live.yaml take theirs away",
	"Live events/Latest events":               "a list of the newest, whatever they are",
	"Pipelines/Certificate left":              "the webhook's tests make certificates that end soon",
	"Trace/Spans":                             "a trace in Tempo; the tests of tracing look at what is sent there",
	"Trace/Stages, 95th percentile":           "off without a collector; the tests of tracing ask a real Prometheus",
	"Trace/Spans that are thrown away":        "off without a collector; the tests of tracing take it away",
	"Pipelines/Processes measured":            "the scenarios of the rules take the process away",
}

// claims says for each panel which faults change it.
var claims = withObjectives(map[string][]claim{
	"Overview/Agreement":      {down(missing)},
	"Overview/Facts judged":   {up(more).mean()},
	"Overview/Broken now":     {up(missing)},
	"Overview/Clouds stalled": {up(stalled).mean()},
	"Overview/Unaccounted":    {up(vanished).ended()},
	"Overview/What is wrong": {table("count(*) FILTER (WHERE problem = 'facts missing')", missing), table("count(*) FILTER (WHERE problem = 'values differ')", mismatched),
		table("count(*) FILTER (WHERE problem = 'events refused')", malformed), table("count(*) FILTER (WHERE problem = 'silent')", stalled)},
	"Overview/Each cloud now":                           {up(stalled).mean(), up(stalled).at(2), up(more).at(3).mean(), up(more).at(4).mean()},
	"Overview/From the clouds to the verdicts of 5 min": {up(more).mean(), up(vanished).at(1).ended(), up(more).at(2).mean(), down(missing).at(3)},
	"Overview/Dead letters":                             {up(malformed)},
	"Overview/Clouds heard of":                          {up(stalled).mean()},
	"Overview/Behind the frontier":                      {up(stalled)},
	"Overview/Events per second":                        {up(more).mean()},
	"Overview/Verdicts that aren't matched":             {status("missing", missing), status("mismatched", mismatched), status("indeterminate", stalled)},
	"Overview/Error budget left":                        {down(late), down(slowVerdict).at(1), down(missing).at(2), down(stalled).at(3), down(storeRefuses).at(4)},
	"Overview/Time to verdict":                          {up(missing).at(1)},

	"Pipelines/Messages in":                  {up(more).mean()},
	"Pipelines/Messages out":                 {up(more).mean()},
	"Pipelines/Errors":                       {up(outputRefuses), up(stumbles).at(1)},
	"Pipelines/Connections lost":             {up(lost)},
	"Pipelines/Behind the topic":             {up(behind)},
	"Pipelines/Write time, 99 %":             {up(slowOutput)},
	"Pipelines/Messages per batch":           {up(batched)},
	"Pipelines/Store: time of a batch, 99 %": {up(storeSlow)},
	"Pipelines/Store waits":                  {up(storeAway)},
	"Pipelines/Facts open":                   {up(missing)},
	"Pipelines/Judged early":                 {up(pressure)},
	"Pipelines/Webhook busy":                 {up(slowOutput)},
	"Pipelines/Webhook answers":              {of("code=401", noKey)},
	"Pipelines/Dead letters by reason":       {of("reason=unreadable", malformed)},
	"Pipelines/Latest dead letters":          {table("count(*)", malformed)},
	"Pipelines/Received, converted, refused": {up(more).mean(), up(more).at(1).mean(), up(malformed).at(2)},
	"Pipelines/Unaccounted by cloud":         {of("participant=aws", vanished).ended()},
	"Pipelines/Memory":                       {up(more).at(2).mean().aLittle()},
	"Pipelines/CPU":                          {up(more).mean().aLittle()},
	"Pipelines/Names beyond the bound":       {up(madeUp)},
	"Pipelines/Goroutines and files":         {up(idlers), up(idlers).at(1)},

	"Reconciliation/Verdicts by status":           {status("missing", missing), status("mismatched", mismatched), status("indeterminate", stalled)},
	"Reconciliation/Share of statuses":            {status("missing", missing), status("mismatched", mismatched), status("indeterminate", stalled)},
	"Reconciliation/Verdicts by expectation":      {of("expectation=orders", more).mean().aLittle()},
	"Reconciliation/Time to verdict":              {of("le=10", missing)},
	"Reconciliation/Repeated and without effect":  {up(duplicate), up(late).at(1)},
	"Reconciliation/Missing, by cloud":            {table("sum(aws + azure + gcp)", missing)},
	"Reconciliation/Disagreement, cloud by field": {table("sum(facts)", mismatched)},
	"Reconciliation/Worst producers":              {table("sum(facts)", mismatched)},
	"Reconciliation/Corrections":                  {table("count(*) FILTER (WHERE believed = 'missing' AND now = 'matched')", late)},
	"Reconciliation/Latest disagreements":         {table("count(*)", missing)},

	"Contracts/Compliance":               {down(breach).aLittle()},
	"Contracts/Subjects":                 {down(deleted).aLittle()},
	"Contracts/Registry's last answer":   {up(registryAway)},
	"Contracts/Registry errors":          {up(registryAway)},
	"Contracts/Compliance over time":     {down(breach)},
	"Contracts/Outcomes":                 {of("outcome=invalid", breach)},
	"Contracts/Broken rules":             {of("rule=required", breach)},
	"Contracts/Broken rules by producer": {of("rule=required", breach)},
	"Contracts/Versions in use":          {of("outcome=invalid", breach)},

	"Contracts/Compliance by the hour":              {tableDown("min(compliance)", breach)},
	"Contracts/Compliance by contract and producer": {table("sum(refused)", breach)},
	"Contracts/Refused by rule and producer":        {table("sum(refused)", breach)},
	"Contracts/Contracts":                           {table("count(*)", newVersion)},
	"Contracts/Differences between versions":        {table("count(*)", newVersion)},

	"Fact/Verdict":                     {table("count(*) FILTER (WHERE status <> 'matched')", missing)},
	"Fact/Side by side":                {table("count(*) FILTER (WHERE field = 'data.status' AND value LIKE '≠ %')", mismatched)},
	"Fact/Verdict history":             {table("count(*)", late)},
	"Fact/What differs by the verdict": {table("count(*)", mismatched)},
	"Fact/Raw events":                  {table("count(*)", duplicate)},

	"Cost/By cloud and service":   {table("sum(events)", more)},
	"Cost/By tenant":              {table("sum(events)", more)},
	"Cost/Dead letters":           {table(`sum("dead letters")`, malformed)},
	"Cost/Events that came twice": {up(duplicate)},
	"Cost/Duplicate deliveries":   {up(redelivered)},
	"Cost/Recommendations":        {table(`sum("saved a month")`, more)},
	"Cost/Retention":              {table("sum(bytes)", more)},

	"Live events/By cloud":         {table("sum(events)", more)},
	"Live events/By type":          {table("sum(events)", more)},
	"Live events/By tenant":        {table("sum(events)", more)},
	"Live events/Events over time": {table("sum(aws)", more), table("sum(azure)", more), table("sum(gcp)", more)},
	"Live events/Last 24 hours":    {table("sum(events)", more)},
	"Live events/Last 7 days":      {table("sum(events)", more)},
	"Live events/Last 30 days":     {table("sum(events)", more)},
})

// missesOf is what each objective is missed by.
var missesOf = map[string]fault{
	"verdict_accuracy": late, "event_latency": slowVerdict, "own_latency": missing,
	"ingest_availability": stalled, "delivery": storeRefuses,
}

// withObjectives adds the three panels of each objective.
func withObjectives(all map[string][]claim) map[string][]claim {
	for _, o := range alerts.Objectives() {
		f := missesOf[o.Name]
		all["SLO/"+o.Short+": good"] = []claim{down(f).aLittle()}
		all["SLO/"+o.Short+": budget left"] = []claim{down(f)}
		all["SLO/"+o.BurnPanel()] = []claim{up(f).ended(), up(f).at(1).ended(), up(f).at(2).ended(), up(f).at(3).ended()}
	}
	return all
}

// factOf finds a fact that a fault befell, in SQL.
var factOf = map[fault]string{
	"":         "SELECT id FROM helios_verdicts WHERE status = 'matched' AND revision = 1 LIMIT 1",
	missing:    "SELECT id FROM helios_verdicts WHERE status = 'missing' LIMIT 1",
	mismatched: "SELECT id FROM helios_verdicts WHERE status = 'mismatched' AND helios_json(verdict)->>'diffs' LIKE '%\"data.status\"%' LIMIT 1",
	late:       "SELECT id FROM helios_verdict_history WHERE revision > 1 LIMIT 1",
	duplicate:  "SELECT v.id FROM helios_verdicts v JOIN helios_events e USING (key, tenant, type) GROUP BY v.id ORDER BY count(*) DESC LIMIT 1",
}
