package infer

import "github.com/helios-connect/helios/plugins/event"

// node is what was seen at one place of the documents of a type. It depends on
// the values alone, not on their order, and merging the nodes of two samples
// yields the node of both: that is what makes the report independent of order.
type node struct {
	sources uint64 // the producers, a bit each
	seen    int    // values of any type

	nulls, falses, trues int
	text                 text
	number               number

	objects int
	fields  map[string]*node
	// values replaces fields once the object is a map: what all members hold.
	values *node
	keys   shapes // what all member names have in common
	// cut: some members were left out for want of nodes, so that fields that
	// aren't there now must never be.
	cut bool

	arrays           int
	minItems, maxLen int
	items            *node
	itemsCut         bool

	deep bool // something inside lies below MaxDepth
}

// budget counts the nodes that may still be made.
type budget struct{ left int }

// walk adds one document to nodes.
type walk struct {
	*budget
	source uint64
}

func (w *walk) node() *node {
	if w.left <= 0 {
		return nil
	}
	w.left--
	return &node{}
}

// value adds a raw value that is known to be valid and to hold no duplicates.
func (w *walk) value(n *node, raw []byte, depth int) {
	n.seen++
	n.sources |= w.source
	switch raw[0] {
	case 'n':
		n.nulls++
	case 't':
		n.trues++
	case 'f':
		n.falses++
	case '"':
		s, _, _ := event.StringBytes(raw, nil)
		n.text.add(s)
	case '{':
		n.objects++
		w.object(n, raw, depth+1)
	case '[':
		w.array(n, raw, depth+1)
	default:
		n.number.add(raw)
	}
}

func (w *walk) object(n *node, raw []byte, depth int) {
	if depth > MaxDepth {
		n.deep = true
		return
	}
	for _, m := range event.AppendMembers(nil, raw) {
		n.keys.add(m.Name)
		if child := w.member(n, m.Name); child != nil {
			w.value(child, m.Value, depth)
		}
	}
}

// member returns the node of a member, or nil when there is none and none can be
// made.
func (w *walk) member(n *node, name []byte) *node {
	if n.values != nil {
		return n.values
	}
	if child := n.fields[string(name)]; child != nil || n.cut {
		return child
	}
	child := w.node()
	if child == nil {
		n.cut = true
		return nil
	}
	if n.fields == nil {
		n.fields = map[string]*node{}
	}
	if len(n.fields) >= MaxKeys || len(name) > MaxKeyBytes {
		before := n.size()
		n.becomeMap()
		w.left += before - n.size()
		n.values.merge(child)
		w.left++
		return n.values
	}
	n.fields[string(name)] = child
	return child
}

func (w *walk) array(n *node, raw []byte, depth int) {
	if depth > MaxDepth {
		n.deep = true
		n.addArray(0)
		n.minItems = 0
		return
	}
	elements := event.AppendMembers(nil, raw)
	n.addArray(len(elements))
	for _, e := range elements {
		if n.items == nil {
			if n.itemsCut {
				return
			}
			if n.items = w.node(); n.items == nil {
				n.itemsCut = true
				return
			}
		}
		w.value(n.items, e.Value, depth)
	}
}

func (n *node) addArray(length int) {
	if n.arrays == 0 || length < n.minItems {
		n.minItems = length
	}
	n.maxLen = max(n.maxLen, length)
	n.arrays++
}

// becomeMap merges what the members hold into one node.
func (n *node) becomeMap() {
	n.values = n.mergedFields()
	n.fields = nil
}

func (n *node) mergedFields() *node {
	all := &node{}
	for _, child := range n.fields {
		all.merge(child)
	}
	return all
}

// merge adds what o has seen to n and leaves o as it is.
func (n *node) merge(o *node) {
	n.sources |= o.sources
	n.seen += o.seen
	n.nulls += o.nulls
	n.falses += o.falses
	n.trues += o.trues
	n.deep = n.deep || o.deep
	n.text.merge(&o.text)
	n.number.merge(&o.number)
	n.mergeObjects(o)
	n.mergeArrays(o)
}

func (n *node) mergeObjects(o *node) {
	if o.objects == 0 {
		return
	}
	n.keys.merge(o.keys)
	// What one side left out, the other side's field knows only half of.
	if n.cut && n.values == nil {
		o = &node{objects: o.objects, fields: common(o.fields, n.fields), values: o.values, cut: o.cut}
	}
	if o.cut && o.values == nil {
		n.fields = common(n.fields, o.fields)
	}
	n.objects += o.objects
	n.cut = n.cut || o.cut
	if o.values != nil && n.values == nil {
		n.becomeMap()
	}
	for name, child := range o.fields {
		n.mergeField(name, child)
	}
	if o.values != nil {
		n.values.merge(o.values)
	}
}

func (n *node) mergeField(name string, child *node) {
	if n.values == nil && n.fields[name] == nil && len(n.fields) >= MaxKeys {
		n.becomeMap()
	}
	if n.values != nil {
		n.values.merge(child)
		return
	}
	if n.fields == nil {
		n.fields = map[string]*node{}
	}
	if n.fields[name] == nil {
		n.fields[name] = &node{}
	}
	n.fields[name].merge(child)
}

func common(a, b map[string]*node) map[string]*node {
	both := map[string]*node{}
	for name, child := range a {
		if b[name] != nil {
			both[name] = child
		}
	}
	return both
}

func (n *node) mergeArrays(o *node) {
	if o.arrays == 0 {
		return
	}
	if n.arrays == 0 || o.minItems < n.minItems {
		n.minItems = o.minItems
	}
	n.maxLen = max(n.maxLen, o.maxLen)
	n.arrays += o.arrays
	n.itemsCut = n.itemsCut || o.itemsCut
	switch {
	case n.itemsCut:
		n.items = nil
	case o.items != nil:
		if n.items == nil {
			n.items = &node{}
		}
		n.items.merge(o.items)
	}
}

// size counts the node and all below.
func (n *node) size() int {
	total := 1
	for _, child := range n.fields {
		total += child.size()
	}
	if n.values != nil {
		total += n.values.size()
	}
	if n.items != nil {
		total += n.items.size()
	}
	return total
}

// bounded tells whether MaxNodes cut something off.
func (n *node) bounded() bool {
	if n.cut || n.itemsCut || n.values != nil && n.values.bounded() || n.items != nil && n.items.bounded() {
		return true
	}
	for _, child := range n.fields {
		if child.bounded() {
			return true
		}
	}
	return false
}
