package schema

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/helios-connect/helios/plugins/event"
	"github.com/helios-connect/helios/plugins/schema/contract"
	"github.com/helios-connect/helios/plugins/schema/payload"
	"github.com/helios-connect/helios/plugins/schema/registry"
)

// Status of an event with respect to its contract.
type Status uint8

const (
	// Valid: it keeps a registered version.
	Valid Status = iota
	// Invalid: it keeps none.
	Invalid
	// NoContract: nothing is registered for it.
	NoContract
	// Unreadable: it is no canonical event.
	Unreadable
)

var statusNames = []string{"valid", "invalid", "unregistered", "unreadable"}

func (s Status) String() string { return statusNames[s] }

// Outcome of judging one event. Event is good until the next call, or for ever
// after Judge.Begin.
type Outcome struct {
	Status Status
	Mode   Mode
	// Tenant, Type and Source of the event.
	Tenant, Type, Source string
	// Subject and Version of the contract that judged; 0 when none did.
	Subject string
	Version int
	// From is the version that the producer keeps, when it was upgraded.
	From int
	// Failures say why it is invalid.
	Failures []contract.Failure
	// Event as it goes on: decoded, upgraded, and with heliosschema.
	Event []byte
	// Err says why it is unreadable.
	Err error
}

// Upgrader turns a payload into one of the next version by a mapping.
type Upgrader interface {
	Upgrade(mapping string, payload []byte) ([]byte, error)
}

// Judge judges canonical events by the contracts of a catalog. It is reusable,
// and not safe for concurrent use.
type Judge struct {
	catalog   *registry.Catalog
	rules     Rules
	subjects  []string
	upgrade   Upgrader
	scanner   event.Scanner
	judge     contract.Judge
	values    [pathCount][]byte
	members   []event.Member
	buffer    []byte // events that were written
	keep      bool   // they belong to the caller
	routes    map[route]target
	decoders  map[*registry.Entry]decoder
	interning map[string]string
	versions  map[versionName]string
	named     map[string]int    // versions by dataschema
	entries   []*registry.Entry // candidates of the event in hand
}

// route of an event to its contract; target is what it leads to as long as the
// catalog knows nothing newer.
type route struct{ tenant, kind string }

type target struct {
	rule  Rule
	names []string
}

// maxRoutes bounds what is remembered of hostile types and tenants.
const maxRoutes = 10_000

const (
	pTenant = iota
	pType
	pSource
	pDataSchema
	pDataForm
	pData
	pathCount
)

var paths = event.MustCompilePaths(event.AttrTenant, event.AttrType, event.AttrSource, event.AttrDataSchema, event.AttrDataForm, event.AttrData)

// NewJudge returns a Judge. upgrade may be nil when no rule asks for it.
func NewJudge(catalog *registry.Catalog, rules Rules, subjects []string, upgrade Upgrader) *Judge {
	return &Judge{catalog: catalog, rules: rules, subjects: subjects, upgrade: upgrade,
		routes: map[route]target{}, decoders: map[*registry.Entry]decoder{}, interning: map[string]string{}, versions: map[versionName]string{}, named: map[string]int{}}
}

// Begin lets the events of the following calls be written one behind another into
// fresh memory, of so many bytes if they can be foreseen, which belongs to the
// caller.
func (j *Judge) Begin(bytes int) {
	j.buffer, j.keep = make([]byte, 0, bytes), true
}

// Judge judges one event. An error says that the registry did not answer, and
// nothing about the event.
func (j *Judge) Judge(ctx context.Context, doc []byte) (o Outcome, err error) {
	o.Event = doc
	if j.members, err = j.scanner.Open(doc, paths, j.values[:], j.members[:0]); err != nil {
		o.Status, o.Err = Unreadable, err
		return o, nil
	}
	o.Tenant, o.Type, o.Source = j.text(pTenant), j.text(pType), j.text(pSource)
	data := j.values[pData]
	if o.Type == "" || data == nil {
		o.Status, o.Err = Unreadable, fmt.Errorf("no canonical event: type or data is absent")
		return o, nil
	}
	if o.Tenant == "" {
		o.Tenant = event.DefaultTenant
	}
	to := j.target(o.Tenant, o.Type)
	o.Mode = to.rule.Mode
	subject, err := j.subject(ctx, to.names)
	if err != nil {
		return o, err
	}
	if subject == nil {
		o.Status = NoContract
		return o, nil
	}
	o.Subject = subject.Name
	data, decoded := j.apply(&o, to.rule, subject, data)
	if o.Status == Valid && o.Mode == Upgrade {
		data, decoded = j.lift(&o, to.rule, subject, data, decoded)
	}
	o.Event = j.write(&o, data, decoded)
	return o, nil
}

func (j *Judge) text(path int) string {
	raw := j.values[path]
	if !event.IsString(raw) {
		return ""
	}
	inside := raw[1 : len(raw)-1]
	if s, ok := j.interning[string(inside)]; ok {
		return s
	}
	b, err := event.Unquote(nil, raw)
	if err != nil {
		return ""
	}
	if len(j.interning) >= maxRoutes {
		clear(j.interning)
	}
	s := string(b)
	j.interning[string(inside)] = s
	return s
}

// versionNamed is VersionOf, found out once for each dataschema.
func (j *Judge) versionNamed(dataschema string) int {
	n, ok := j.named[dataschema]
	if !ok {
		if len(j.named) >= maxRoutes {
			clear(j.named)
		}
		n = VersionOf(dataschema)
		j.named[dataschema] = n
	}
	return n
}

func (j *Judge) target(tenant, kind string) target {
	r := route{tenant, kind}
	if t, ok := j.routes[r]; ok {
		return t
	}
	t := target{rule: j.rules.of(kind, tenant)}
	for _, template := range j.subjects {
		t.names = append(t.names, strings.NewReplacer("{tenant}", tenant, "{type}", kind).Replace(template))
	}
	if len(j.routes) >= maxRoutes {
		clear(j.routes)
	}
	j.routes[r] = t
	return t
}

func (j *Judge) subject(ctx context.Context, names []string) (*registry.Subject, error) {
	for _, name := range names {
		s, err := j.catalog.Subject(ctx, name)
		if s != nil || err != nil {
			return s, err
		}
	}
	return nil, nil
}

// apply finds the version that the payload keeps and returns the payload as JSON;
// decoded says that it is not what stands in the event.
func (j *Judge) apply(o *Outcome, rule Rule, s *registry.Subject, data []byte) (_ []byte, decoded bool) {
	entries, failure := j.candidates(rule, s)
	if failure != nil {
		o.Status, o.Failures = Invalid, []contract.Failure{*failure}
		return data, false
	}
	b := j.bodyOf(data)
	if id, rest, framed := payload.Frame(b.binary); framed {
		if e := byID(s, id); e != nil {
			j.entries = append(j.entries[:0], e)
			entries, b.binary, b.framed = j.entries, rest, true
		}
	}
	var first []contract.Failure
	for i, e := range entries {
		text, failures := j.try(rule, e, b)
		if len(failures) == 0 {
			o.Status, o.Version, o.Failures = Valid, e.Version, nil
			return text, b.isBinary
		}
		if i == 0 {
			first = failures
			o.Version = e.Version
		}
	}
	o.Status, o.Failures = Invalid, first
	return data, false
}

// maxTried is how many versions an event that names none is tried by.
const maxTried = 8

// candidates are the versions to try; the first is the one whose failures count.
func (j *Judge) candidates(rule Rule, s *registry.Subject) ([]*registry.Entry, *contract.Failure) {
	named := 0
	if j.values[pDataSchema] != nil {
		named = j.versionNamed(j.text(pDataSchema))
	}
	if named > 0 {
		e := s.Version(named)
		if e == nil {
			return nil, &contract.Failure{Rule: "version", Value: strconv.Itoa(named), Text: fmt.Sprintf(
				"dataschema names version %d of %s; registered are %s", named, s.Name, versionList(s))}
		}
		j.entries = append(j.entries[:0], e)
		return j.entries, nil
	}
	report := s.Latest()
	if rule.Version > 0 {
		if report = s.Version(rule.Version); report == nil {
			return nil, &contract.Failure{Rule: "version", Value: strconv.Itoa(rule.Version), Text: fmt.Sprintf(
				"the configured version %d of %s is not registered; registered are %s", rule.Version, s.Name, versionList(s))}
		}
	}
	list := append(j.entries[:0], report)
	for i := len(s.Entries) - 1; i >= 0 && len(list) < maxTried; i-- {
		if e := s.Entries[i]; e != report && e.Err == nil {
			list = append(list, e)
		}
	}
	j.entries = list
	return list, nil
}

func versionList(s *registry.Subject) string {
	first, last := s.Entries[0].Version, s.Latest().Version
	if first == last {
		return strconv.Itoa(first)
	}
	return fmt.Sprintf("%d to %d", first, last)
}

func byID(s *registry.Subject, id int) *registry.Entry {
	for _, e := range s.Entries {
		if e.ID == id {
			return e
		}
	}
	return nil
}

// body is a payload as it travels.
type body struct {
	text     []byte // JSON
	binary   []byte // when isBinary
	isBinary bool   // it travels as base64
	framed   bool   // binary stood behind the frame of a registry's serializer
}

func (j *Judge) bodyOf(data []byte) body {
	if string(j.values[pDataForm]) != `"base64"` {
		return body{text: data}
	}
	var wrapped struct {
		Base64 []byte `json:"base64"`
	}
	if err := json.Unmarshal(data, &wrapped); err != nil {
		return body{text: data}
	}
	return body{binary: wrapped.Base64, isBinary: true}
}

// try judges a payload by one version and returns it as JSON.
func (j *Judge) try(rule Rule, e *registry.Entry, b body) ([]byte, []contract.Failure) {
	if e.Err != nil {
		return nil, unusable(e.Err)
	}
	if e.Type != sr.TypeJSON {
		if !b.isBinary {
			return nil, []contract.Failure{{Rule: ruleEncoding, Text: fmt.Sprintf("the payload is JSON; the contract asks for %s, which travels as data_base64", e.Type)}}
		}
		return j.decode(e, b)
	}
	c := e.Contract
	if rule.ProtoJSON {
		var err error
		if c, err = e.ProtoJSON(); err != nil {
			return nil, unusable(err)
		}
	}
	if b.isBinary {
		return b.binary, j.judge.Failures(c, b.binary)
	}
	return b.text, j.judge.FailuresOfValid(c, b.text)
}

// ruleEncoding is broken by a payload that isn't in the contract's language.
const ruleEncoding = "encoding"

func unusable(err error) []contract.Failure {
	return []contract.Failure{{Rule: "contract", Text: fmt.Sprintf("the registered contract can't be used: %v", err)}}
}

var noPaths = event.MustCompilePaths()

// lift turns a payload that keeps an older version into one of the latest.
func (j *Judge) lift(o *Outcome, rule Rule, s *registry.Subject, data []byte, decoded bool) ([]byte, bool) {
	from := o.Version
	for _, e := range s.Entries {
		if e.Version <= o.Version {
			continue
		}
		if e.Upgrade == "" || e.Err != nil {
			return data, decoded // no way on from here; what it keeps is registered all the same
		}
		lifted, err := j.upgrade.Upgrade(e.Upgrade, data)
		failures := []contract.Failure{}
		if err != nil {
			failures = append(failures, contract.Failure{Rule: "upgrade", Text: fmt.Sprintf("the mapping to version %d of %s: %v", e.Version, s.Name, err)})
		} else if _, failures = j.try(rule, e, body{text: lifted}); len(failures) > 0 {
			failures[0].Text = fmt.Sprintf("upgraded to version %d: %s", e.Version, failures[0].Text)
		}
		if len(failures) > 0 {
			o.Status, o.Failures = Invalid, failures
			return data, decoded
		}
		data, decoded = lifted, true
		o.From, o.Version = from, e.Version
	}
	return data, decoded
}
