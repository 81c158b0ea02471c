package engine

import "github.com/helios-connect/helios/plugins/event"

// ruleFinder finds the first rule that a type and a tenant match, and remembers
// as many pairs of them as there may be idle routes.
type ruleFinder struct {
	rules []*rule
	found map[string]map[string]*rule
	pairs int // in found
	last  foundRule
}

type foundRule struct {
	tenant, eventType string
	rule              *rule
}

// find returns nil when no rule matches.
func (f *ruleFinder) find(eventType, tenant []byte) *rule {
	if l := &f.last; l.rule != nil && l.eventType == string(eventType) && l.tenant == string(tenant) {
		return l.rule
	}
	r := f.found[string(eventType)][string(tenant)]
	if r == nil {
		if r = f.match(string(eventType), string(tenant)); r == nil {
			return nil
		}
	}
	f.last = foundRule{string(tenant), string(eventType), r}
	return r
}

func (f *ruleFinder) match(eventType, tenant string) *rule {
	for _, r := range f.rules {
		if !event.MatchesAny(r.Types, eventType) || !event.MatchesAny(r.Tenants, tenant) {
			continue
		}
		if f.pairs == maxIdleRoutes || f.found == nil {
			f.found, f.pairs = map[string]map[string]*rule{}, 0
		}
		if f.found[eventType] == nil {
			f.found[eventType] = map[string]*rule{}
		}
		f.found[eventType][tenant] = r
		f.pairs++
		return r
	}
	return nil
}

// route is what an event's type and tenant lead to. It lives as long as facts
// refer to it, and a while longer.
type route struct {
	tenant, eventType string
	tenantJSON        []byte
	typeJSON          []byte
	labels            *Labels
	rule              *rule
	facts             int
}

// maxIdleRoutes is how many new routes make those go that no fact refers to, so
// that invented types don't fill the memory.
const maxIdleRoutes = 4096

type routes struct {
	list   []route
	free   []uint32
	byType map[string]map[string]uint32
	added  int // since the last eviction
	last   int // the route used last
}

// find returns the route of a type and tenant, whose rule is given.
func (t *routes) find(r *rule, eventType, tenant []byte) int {
	if len(t.list) > 0 {
		if l := &t.list[t.last]; l.rule != nil && l.eventType == string(eventType) && l.tenant == string(tenant) {
			return t.last
		}
	}
	i, ok := t.byType[string(eventType)][string(tenant)]
	if !ok {
		i = t.add(route{
			tenant: string(tenant), eventType: string(eventType), rule: r,
			tenantJSON: event.AppendQuoted(nil, tenant), typeJSON: event.AppendQuoted(nil, eventType),
			labels: &Labels{Tenant: string(tenant), Type: string(eventType)},
		})
	}
	t.last = int(i)
	return t.last
}

func (t *routes) add(r route) (i uint32) {
	t.added++
	if n := len(t.free); n > 0 {
		i, t.free = t.free[n-1], t.free[:n-1]
		t.list[i] = r
	} else {
		i = uint32(len(t.list))
		t.list = append(t.list, r)
	}
	if t.byType == nil {
		t.byType = map[string]map[string]uint32{}
	}
	tenants := t.byType[r.eventType]
	if tenants == nil {
		tenants = map[string]uint32{}
		t.byType[r.eventType] = tenants
	}
	tenants[r.tenant] = i
	return i
}

// release says that one fact fewer refers to route i.
func (t *routes) release(i uint32) { t.list[i].facts-- }

// tidy bounds the idle routes. It is called when no event is in hand that has
// found its route and no fact yet.
func (t *routes) tidy() {
	if t.added >= maxIdleRoutes {
		t.added = 0
		t.evict()
	}
}

// evict drops the routes that no fact refers to.
func (t *routes) evict() {
	for i := range t.list {
		r := &t.list[i]
		if r.rule == nil || r.facts > 0 {
			continue
		}
		tenants := t.byType[r.eventType]
		delete(tenants, r.tenant)
		if len(tenants) == 0 {
			delete(t.byType, r.eventType)
		}
		*r = route{}
		t.free = append(t.free, uint32(i))
	}
}
