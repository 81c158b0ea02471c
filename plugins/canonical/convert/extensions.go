package convert

// extensions are the further attributes of an event, as they stand in its JSON.
// Offsets tell them apart: to keep pointers here would cost the garbage
// collector's attention for each.
type extensions struct {
	text  []byte
	index []extension
}

// extension is where an attribute stands in the text.
type extension struct{ name, nameEnd, value, end int32 }

func (x *extensions) reset() {
	x.text = x.text[:0]
	x.index = x.index[:0]
}

// add adds an attribute: its name in quotes and with a colon, and its raw value.
func (x *extensions) add(label, value []byte) {
	name := int32(len(x.text) + len(`,"`))
	x.text = append(x.text, ',')
	extend(&x.text, textOf(label))
	at := int32(len(x.text))
	extend(&x.text, textOf(value))
	x.index = append(x.index, extension{name, at - int32(len(`":`)), at, int32(len(x.text))})
}

// value returns the raw value of an attribute, or nil. It is good until reset.
func (x *extensions) value(name string) []byte {
	for _, e := range x.index {
		if string(x.text[e.name:e.nameEnd]) == name {
			return x.text[e.value:e.end:e.end]
		}
	}
	return nil
}
