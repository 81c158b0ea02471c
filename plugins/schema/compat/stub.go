package compat

func openAvro(s Schema) (opened, error)     { return nil, nil }
func openProtobuf(s Schema) (opened, error) { return nil, nil }

type Change struct{}

func (*jsonSchema) diff(opened) []Change { return nil }
