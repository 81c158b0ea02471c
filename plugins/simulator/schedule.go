package simulator

// delivery is one event on its way to one cloud.
type delivery struct {
	at     int64 // arrival, nanoseconds of virtual time
	seq    uint64
	fact   *fact
	cloud  Cloud
	copy   uint8 // 0: the cloud's event, 1: its second, conflicting one
	defect defect
	// joined: in the same native message as the delivery before it.
	joined bool
}

// schedule is a heap of deliveries by (at, seq). It is written out, with four
// children a node and values in place, because it is on the path of every
// event: container/heap with an interface costs three times as much.
type schedule []delivery

func (a *delivery) before(b *delivery) bool {
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (s *schedule) push(d delivery) {
	h := append(*s, d)
	i := len(h) - 1
	for i > 0 {
		p := (i - 1) / 4
		if h[p].before(&d) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = d
	*s = h
}

func (s *schedule) pop() delivery {
	h := *s
	top, last := h[0], h[len(h)-1]
	h[len(h)-1] = delivery{}
	h = h[:len(h)-1]
	*s = h
	if len(h) == 0 {
		return top
	}
	i := 0
	for {
		child := 4*i + 1
		if child >= len(h) {
			break
		}
		least := child
		for j := child + 1; j < min(child+4, len(h)); j++ {
			if h[j].before(&h[least]) {
				least = j
			}
		}
		if last.before(&h[least]) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = last
	return top
}
