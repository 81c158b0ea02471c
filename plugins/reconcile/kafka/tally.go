package kafka

// tally counts events by participant and tenant without allocating for names
// it knows.
type tally struct {
	counts map[string]map[string]*int
}

func (t *tally) add(participant, tenant []byte) {
	count := t.counts[string(participant)][string(tenant)]
	if count == nil {
		count = t.insert(string(participant), string(tenant))
	}
	*count++
}

func (t *tally) insert(participant, tenant string) *int {
	if t.counts == nil {
		t.counts = make(map[string]map[string]*int)
	}
	tenants := t.counts[participant]
	if tenants == nil {
		tenants = make(map[string]*int)
		t.counts[participant] = tenants
	}
	count := new(int)
	tenants[tenant] = count
	return count
}

// maxNames bounds the memory for names that come from the input.
const maxNames = 10_000

// flush hands the counts on and starts again at zero.
func (t *tally) flush(each func(participant, tenant string, count int)) {
	names := 0
	for participant, tenants := range t.counts {
		for tenant, count := range tenants {
			names++
			if *count > 0 {
				each(participant, tenant, *count)
				*count = 0
			}
		}
	}
	if names > maxNames {
		*t = tally{}
	}
}
