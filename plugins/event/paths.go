package event

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// ErrPath is wrapped by every error of CompilePaths.
var ErrPath = errors.New("invalid path")

// Paths is a set of paths into a document, compiled for a Scanner. It does not
// change and may be shared.
type Paths struct {
	count int
	nodes []node // nodes[0] stands for "not wanted", nodes[1] is the root
	same  []int32
}

const rootNode = 1

// node is one member name (or array index) on the way to a wanted value.
type node struct {
	slots   []slot // the children by name; a power of two of them, or none
	mul     uint64 // multiplier of the slots' hash
	shift   uint8  // of the product
	indexed bool   // some child is an array index
	output  int32  // the first output of this node, or -1; Paths.same has the others
	first   int32  // the first child, or 0
	sibling int32
	index   int // the name as an array index, or -1
	name    string
}

// slot is one place in a node's hash table.
type slot struct {
	word  uint64 // the first 8 bytes of the name, little endian, zero padded
	size  uint32 // of the name, in bytes
	child int32  // 0: the place is free
}

// CompilePaths compiles dotted paths from the document's root, such as
// data.amount. As in Redpanda Connect, ~1 in a segment stands for a dot and ~0
// for a tilde. A segment that is a number names a member of an object or an
// element of an array, whichever the document has. Paths may repeat and may be
// prefixes of one another.
func CompilePaths(paths ...string) (*Paths, error) {
	p := &Paths{count: len(paths), nodes: make([]node, 2), same: make([]int32, len(paths))}
	p.nodes[rootNode].output, p.nodes[0].output = -1, -1
	for i, path := range paths {
		at := int32(rootNode)
		for segment := range strings.SplitSeq(path, ".") {
			if segment == "" {
				return nil, fmt.Errorf("%w %q: a segment is empty; a path is a list of member names such as data.amount", ErrPath, path)
			}
			at = p.add(at, unescapeSegment(segment))
		}
		p.same[i] = p.nodes[at].output
		p.nodes[at].output = int32(i)
	}
	for i := range p.nodes {
		p.hashChildren(int32(i))
	}
	return p, nil
}

// MustCompilePaths is CompilePaths for paths that are part of the program.
func MustCompilePaths(paths ...string) *Paths {
	p, err := CompilePaths(paths...)
	if err != nil {
		panic(err)
	}
	return p
}

// Len returns the number of paths, which is the length of Scan's output.
func (p *Paths) Len() int { return p.count }

func unescapeSegment(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~1", "."), "~0", "~")
}

// add returns the child of parent with that name, made when there is none.
func (p *Paths) add(parent int32, name string) int32 {
	for c := p.nodes[parent].first; c != 0; c = p.nodes[c].sibling {
		if p.nodes[c].name == name {
			return c
		}
	}
	n := node{name: name, index: -1, output: -1, sibling: p.nodes[parent].first}
	if v, err := strconv.Atoi(name); err == nil && v >= 0 && strconv.Itoa(v) == name {
		n.index = v
		p.nodes[parent].indexed = true
	}
	p.nodes = append(p.nodes, n)
	id := int32(len(p.nodes) - 1)
	p.nodes[parent].first = id
	return id
}

// hashChildren gives a node the hash table of its children, with a multiplier
// that keeps them apart when a few tries find one.
func (p *Paths) hashChildren(parent int32) {
	n := &p.nodes[parent]
	var children []slot
	for c := n.first; c != 0; c = p.nodes[c].sibling {
		name := p.nodes[c].name
		children = append(children, slot{word: firstWord([]byte(name)), size: uint32(len(name)), child: c})
	}
	if len(children) == 0 {
		return
	}
	size := bits.Len(uint(len(children)*4 - 1))
	n.shift = uint8(64 - size)
	n.mul = 0x9e3779b97f4a7c15
	for try := 0; try < 64 && n.collides(children, 1<<size); try++ {
		n.mul = n.mul*0xd1342543de82ef95 | 1
	}
	n.slots = make([]slot, 1<<size)
	for _, c := range children {
		h := n.hash(c.word)
		for n.slots[h].child != 0 {
			h = (h + 1) & uint64(len(n.slots)-1)
		}
		n.slots[h] = c
	}
}

func (n *node) collides(children []slot, size int) bool {
	taken := make([]bool, size)
	for _, c := range children {
		h := n.hash(c.word)
		if taken[h] {
			return true
		}
		taken[h] = true
	}
	return false
}

func (n *node) hash(word uint64) uint64 { return word * n.mul >> (n.shift & 63) }

// firstWord returns the first 8 bytes of name, little endian, zero padded.
func firstWord(name []byte) (w uint64) {
	for i := min(len(name), 8) - 1; i >= 0; i-- {
		w = w<<8 | uint64(name[i])
	}
	return w
}

// child returns the node of the member with that name, or 0. The parent must
// have children.
func (p *Paths) child(parent int32, name []byte) int32 {
	return p.find(&p.nodes[parent], firstWord(name), name)
}

// find is child for a node that has children and a name whose first word is
// known.
func (p *Paths) find(n *node, word uint64, name []byte) int32 {
	h := n.hash(word)
	for {
		m := &n.slots[h&uint64(len(n.slots)-1)]
		if m.word == word && int(m.size) == len(name) && (len(name) <= 8 || p.nodes[m.child].name[8:] == string(name[8:])) || m.child == 0 {
			return m.child
		}
		h++
	}
}

// element returns the node of the array element with that index, or 0.
func (p *Paths) element(parent int32, index int) int32 {
	for c := p.nodes[parent].first; c != 0; c = p.nodes[c].sibling {
		if p.nodes[c].index == index {
			return c
		}
	}
	return 0
}
