package canonical

import (
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/canonical/convert"
)

// worker is what one batch at a time needs.
type worker struct {
	convert  *convert.Converter
	metadata messageMetadata
	recent   [recentKept]any // of interned, where hashes of their texts say
	interned map[string]any  // strings in metadata that come again and again
	tallies  []tally
}

// recentKept is a power of two.
const recentKept = 64

// tally counts events of one kind within a batch, so that a batch costs a few
// metric updates and not two per event.
type tally struct {
	cloud, tenant string
	reason        convert.Reason
	count         int64
}

// apply makes a message, or a copy of it, what one of its results says.
func (w *worker) apply(out *service.Message, r *convert.Result, cloud string) {
	if r.Event == nil {
		if cloud == "" {
			cloud = unknown
		}
		w.count(tally{cloud: cloud, tenant: w.tenantOf(r), reason: r.Reason})
		out.SetBytes(r.Raw)
		flag(out, r.Reason, r.Err)
		return
	}
	found, tenant := w.intern(r.Cloud), w.intern(r.Tenant)
	out.SetBytes(r.Event)
	out.MetaSetMut(metaTenant, tenant)
	out.MetaSetMut(metaType, w.intern(r.Type))
	out.MetaSetMut(metaKey, w.convert.Own(r.Key))
	out.MetaSetMut(metaCloud, found)
	w.count(tally{cloud: found.(string), tenant: tenant.(string)})
}

// tenantOf is the tenant of what was refused, as far as it could be read.
func (w *worker) tenantOf(r *convert.Result) string {
	if len(r.Tenant) == 0 {
		return unknown
	}
	return w.intern(r.Tenant).(string)
}

// flag marks a message as not converted.
func flag(msg *service.Message, reason convert.Reason, err error) {
	msg.MetaSetMut(metaReason, reason.String())
	msg.MetaSetMut(metaDetail, err.Error())
	msg.SetError(err)
}

// intern returns b as a string in an interface, which is what metadata takes,
// made once. To compare it with the one that was there last costs a third of a
// look into the map.
func (w *worker) intern(b []byte) any {
	place := len(b)
	if place > 0 {
		place = place*5 + int(b[place-1]) + int(b[place/2])*3
	}
	last := &w.recent[place%recentKept]
	if s, ok := (*last).(string); !ok || s != string(b) {
		*last = w.lookup(b)
	}
	return *last
}

func (w *worker) lookup(b []byte) any {
	if s, ok := w.interned[string(b)]; ok {
		return s
	}
	if len(w.interned) >= maxInterned {
		clear(w.interned)
	}
	s := string(b)
	w.interned[s] = s
	return w.interned[s]
}

func (w *worker) count(t tally) {
	for i := range w.tallies {
		if o := &w.tallies[i]; o.cloud == t.cloud && o.tenant == t.tenant && o.reason == t.reason {
			o.count++
			return
		}
	}
	t.count = 1
	w.tallies = append(w.tallies, t)
}

// report adds a batch's tallies to the metrics.
func (p *processor) report(w *worker) {
	for _, t := range w.tallies {
		cloud, tenant := p.names.Values(t.cloud, t.tenant)
		p.received.Incr(t.count, cloud, tenant)
		if t.reason == convert.Converted {
			p.made.Incr(t.count, cloud, tenant)
		} else {
			p.refused.Incr(t.count, cloud, tenant, t.reason.String())
		}
	}
	w.tallies = w.tallies[:0]
}

// messageMetadata lets a converter read a message's metadata.
type messageMetadata struct {
	msg   *service.Message
	visit func(name, value string)
	step  func(name, value string) error // visits, made once
}

// Walk implements convert.Metadata.
func (m *messageMetadata) Walk(visit func(name, value string)) {
	m.visit = visit
	if m.step == nil {
		m.step = func(name, value string) error {
			m.visit(name, value)
			return nil
		}
	}
	_ = m.msg.MetaWalk(m.step)
}
