package simulator

import "math/rand/v2"

// order is a customer's order. It is immutable; its life cycle is in the facts.
type order struct {
	number   uint64
	cents    int64 // total
	customer uint32
	tenant   uint16
	currency uint8
	count    uint8 // of items
	items    [maxItems]item
}

type item struct {
	sku   uint16
	qty   uint8
	cents int32 // each
}

const (
	maxItems  = 5
	customers = 20_000
	skus      = 5_000
)

var currencies = []string{"EUR", "USD", "GBP", "CHF", "SEK", "PLN"}

// channel is a way that events travel to a cloud; each has expectations with a
// clock of its own.
type channel uint8

const (
	orders channel = iota
	returns
	singles
)

// factType is a kind of business fact.
type factType struct {
	name    string
	status  string
	channel channel
}

// Indexes into factTypes.
const (
	orderCreated uint8 = iota
	orderPaid
	orderShipped
	orderCancelled
	returnRequested
	returnRefunded
	awsPicked
	gcpScored
	azureInvoiced
)

var factTypes = [...]factType{
	orderCreated:    {"com.example.order.created", "created", orders},
	orderPaid:       {"com.example.order.paid", "paid", orders},
	orderShipped:    {"com.example.order.shipped", "shipped", orders},
	orderCancelled:  {"com.example.order.cancelled", "cancelled", orders},
	returnRequested: {"com.example.return.requested", "requested", returns},
	returnRefunded:  {"com.example.return.refunded", "refunded", returns},
	awsPicked:       {"com.example.aws.warehouse.picked", "picked", singles},
	gcpScored:       {"com.example.gcp.fraud.scored", "scored", singles},
	azureInvoiced:   {"com.example.azure.invoice.issued", "issued", singles},
}

var singleTypes = [cloudCount]uint8{AWS: awsPicked, GCP: gcpScored, Azure: azureInvoiced}

// shop makes orders and takes them through their life cycle: created, then paid
// or cancelled, a paid one shipped or cancelled, a shipped one perhaps returned.
type shop struct {
	rng     *rand.Rand
	tenants int
	next    uint64
	created pool
	paid    pool
	shipped pool
	// returning waits for its refund.
	returning pool
}

// pool is a bag of orders that forgets a random one when it is full.
type pool []*order

const poolSize = 512

func (p *pool) put(rng *rand.Rand, o *order) {
	if len(*p) < poolSize {
		*p = append(*p, o)
		return
	}
	(*p)[rng.IntN(poolSize)] = o
}

func (p *pool) take(rng *rand.Rand) *order {
	n := len(*p)
	if n == 0 {
		return nil
	}
	i := rng.IntN(n)
	o := (*p)[i]
	(*p)[i] = (*p)[n-1]
	*p = (*p)[:n-1]
	return o
}

func (s *shop) newOrder() *order {
	r := s.rng
	s.next++
	o := &order{
		number:   s.next,
		customer: uint32(r.IntN(customers)),
		tenant:   uint16(r.IntN(s.tenants)),
		currency: uint8(r.IntN(len(currencies))),
		count:    uint8(1 + r.IntN(maxItems-1)),
	}
	for i := range o.items[:o.count] {
		it := item{sku: uint16(r.IntN(skus)), qty: uint8(1 + r.IntN(4)), cents: int32(99 + r.IntN(20_000))}
		o.items[i] = it
		o.cents += int64(it.qty) * int64(it.cents)
	}
	return o
}

// orderStep makes the next fact of some order's life.
func (s *shop) orderStep() (*order, uint8) {
	r := s.rng
	u := r.Float64()
	if u >= 0.35 && u < 0.65 {
		if o := s.created.take(r); o != nil {
			if r.Float64() < 0.1 {
				return o, orderCancelled
			}
			s.paid.put(r, o)
			return o, orderPaid
		}
	}
	if u >= 0.65 {
		if o := s.paid.take(r); o != nil {
			if r.Float64() < 0.05 {
				return o, orderCancelled
			}
			s.shipped.put(r, o)
			return o, orderShipped
		}
	}
	o := s.newOrder()
	s.created.put(r, o)
	return o, orderCreated
}

// returnStep makes the next fact of some return. An order may have been shipped
// before the run began.
func (s *shop) returnStep() (*order, uint8) {
	r := s.rng
	if r.Float64() < 0.5 {
		if o := s.returning.take(r); o != nil {
			return o, returnRefunded
		}
	}
	o := s.shipped.take(r)
	if o == nil {
		o = s.newOrder()
	}
	s.returning.put(r, o)
	return o, returnRequested
}
