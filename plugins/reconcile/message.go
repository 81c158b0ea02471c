package reconcile

import (
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// Metadata of what the plugins emit.
const (
	metaTenant   = "helios_tenant"
	metaType     = "helios_type"
	metaKey      = "helios_key"
	metaStatus   = "helios_status"
	metaRevision = "helios_revision"
	metaPrevious = "helios_previous_status" // only of corrections
	metaReason   = "helios_reason"
	metaDetail   = "helios_detail"
)

// Metadata values that every message would otherwise allocate anew.
var (
	statusValues = func() (values []any) {
		for _, s := range engine.Statuses() {
			values = append(values, s)
		}
		return values
	}()
	firstRevision any = "1"
)

// verdictMessage makes the message of a verdict.
func verdictMessage(v *engine.Verdict) *service.Message {
	m := service.NewMessage(v.JSON)
	m.MetaSetMut(metaTenant, v.Labels.Tenant)
	m.MetaSetMut(metaType, v.Labels.Type)
	m.MetaSetMut(metaKey, v.Key)
	m.MetaSetMut(metaStatus, statusValues[v.Status])
	if v.Revision == 1 {
		m.MetaSetMut(metaRevision, firstRevision)
	} else {
		m.MetaSetMut(metaRevision, strconv.FormatUint(uint64(v.Revision), 10))
	}
	if v.Revision > 1 {
		m.MetaSetMut(metaPrevious, v.Previous.String())
	}
	return m
}

// flaggedMessage makes the message of an event that can't be judged: unchanged,
// flagged as an error. What failed before says itself why it is no event.
func flaggedMessage(m *service.Message, o *engine.Outcome) *service.Message {
	m = m.Copy()
	why := m.GetError()
	if why == nil {
		why = o.Err
	}
	m.MetaSetMut(metaReason, o.Reason.String())
	m.MetaSetMut(metaDetail, why.Error())
	m.SetError(why)
	return m
}
