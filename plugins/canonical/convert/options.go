package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
)

// ErrOption is wrapped by every error of New.
var ErrOption = errors.New("invalid option")

// MaxNameBytes is how long a correlation id, tenant, type or cloud may be: they
// become keys, labels and memory.
const MaxNameBytes = 4096

// Options says how events are found and named. The zero value is the default.
type Options struct {
	// Format of the outermost object; Auto finds it out.
	Format Format
	// Correlation says where an event's correlationid is found; the first rule
	// that matches the type counts. None: subject, then data.order_id, then id.
	Correlation []Rule
	// Tenant is the same for the tenant. None, or nothing found: DefaultTenant.
	Tenant []Rule
	// DefaultTenant is event.DefaultTenant when empty.
	DefaultTenant string
	// StrictCloud refuses an event that is canonical already and names another
	// cloud than the one that is given: whoever may send on this way must not
	// report for others.
	StrictCloud bool
	// Attributes names the transport's attributes (metadata, Pub/Sub attributes)
	// that hold CloudEvents attributes without the ce- prefix: eventType -> type.
	Attributes map[string]string

	defaultTenant []byte // a raw JSON string

	inside  *event.Paths // data.*, from the payload's root
	offered *event.Paths // the same in an envelope: first below data, then below detail
}

// Rule says where to look in the events of some types.
type Rule struct {
	// Types are globs (* is any run of characters); none means all types.
	Types []string
	// Paths into the canonical event, tried in order: subject, data.order_id.
	Paths []string

	found []finder
}

// finder is a compiled path: an attribute, or the payload's value at an index.
type finder struct {
	attribute string
	index     int
}

// DefaultCorrelation is where the correlationid is looked for without rules.
func DefaultCorrelation() []Rule {
	return []Rule{{Paths: []string{event.AttrSubject, "data.order_id", event.AttrID}}}
}

func (o *Options) compile() error {
	if o.Correlation == nil {
		o.Correlation = DefaultCorrelation()
	}
	if o.DefaultTenant == "" {
		o.DefaultTenant = event.DefaultTenant
	}
	o.defaultTenant = event.AppendQuoted(nil, o.DefaultTenant)
	for name, attribute := range o.Attributes {
		if !legalName(attribute) || name == "" || attribute == event.AttrData {
			return fmt.Errorf("%w: attributes %q: %q: want a transport attribute and the CloudEvents attribute it holds, for example eventType: type", ErrOption, name, attribute)
		}
	}
	// Rules are compiled in place, and options may be shared by converters.
	o.Correlation, o.Tenant = slices.Clone(o.Correlation), slices.Clone(o.Tenant)
	var paths []string
	for _, rules := range [][]Rule{o.Correlation, o.Tenant} {
		for i := range rules {
			if err := rules[i].compile(&paths); err != nil {
				return err
			}
		}
	}
	inEnvelope := make([]string, 0, 2*len(paths))
	for _, root := range []string{"data.", "detail."} {
		for _, p := range paths {
			inEnvelope = append(inEnvelope, root+p)
		}
	}
	var err error
	if o.inside, err = event.CompilePaths(paths...); err == nil {
		o.offered, err = event.CompilePaths(inEnvelope...)
	}
	if err != nil {
		return fmt.Errorf("%w: paths: %w", ErrOption, err)
	}
	return nil
}

func (r *Rule) compile(paths *[]string) error {
	if len(r.Paths) == 0 {
		return fmt.Errorf("%w: a rule without paths finds nothing; give some, for example [subject, data.order_id]", ErrOption)
	}
	if slices.Contains(r.Types, "") {
		return fmt.Errorf("%w: types takes globs, one is empty; leave the list out to match all", ErrOption)
	}
	r.found = nil
	for _, p := range r.Paths {
		if inside, ok := strings.CutPrefix(p, "data."); ok {
			r.found = append(r.found, finder{index: len(*paths)})
			*paths = append(*paths, inside)
			continue
		}
		if !legalName(p) || p == event.AttrData {
			return fmt.Errorf("%w: path %q is neither an attribute (letters a-z and digits, for example subject) nor a place in the payload (for example data.order_id)", ErrOption, p)
		}
		r.found = append(r.found, finder{attribute: p})
	}
	return nil
}

func (r *Rule) matches(kind []byte) bool { return event.MatchesAny(r.Types, textOf(kind)) }
