package compat

import "github.com/santhosh-tekuri/jsonschema/v6"

// Unsatisfiable reports that certainly no document satisfies a schema: a bound
// above another one, an enum without a value of the type, a required member that
// can't exist. False says only that no contradiction was found. Schemas of Avro
// and Protobuf always have documents.
func Unsatisfiable(s Schema) (bool, error) {
	o, err := open(s, "schema")
	if err != nil {
		return false, err
	}
	opened, ok := o.(*jsonSchema)
	if !ok {
		return false, nil
	}
	p := &prover{
		sources: newSources(opened, opened), writer: opened.root, reader: opened.root,
		ids: map[*jsonschema.Schema]int{}, known: map[string]bool{}, open: map[string]int{}, explained: map[string]bool{},
	}
	return p.empty(p.settle(newConj(opened.root))), nil
}
