package infer

// SetNodes lowers MaxNodes for a test.
func (in *Inferrer) SetNodes(n int) { in.nodes.left = n }

// NodesLeft and NodesUsed are the budget and what was made of it; the root of a
// type is free.
func (in *Inferrer) NodesLeft() int { return in.nodes.left }

func (in *Inferrer) NodesUsed() (n int) {
	for _, k := range in.types {
		n += k.root.size() - 1
	}
	return n
}
