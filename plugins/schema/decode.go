package schema

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/helios-connect/helios/plugins/schema/contract"
	"github.com/helios-connect/helios/plugins/schema/payload"
	"github.com/helios-connect/helios/plugins/schema/registry"
)

// decoder turns a binary payload into JSON by one version of a schema.
type decoder struct {
	decode func(binary []byte, framed bool) ([]byte, error)
	err    error
}

// decode reads a binary payload: one that can be read keeps its contract.
func (j *Judge) decode(e *registry.Entry, b body) ([]byte, []contract.Failure) {
	d, ok := j.decoders[e]
	if !ok {
		if len(j.decoders) >= maxRoutes {
			clear(j.decoders)
		}
		d = newDecoder(e)
		j.decoders[e] = d
	}
	if d.err != nil {
		return nil, unusable(d.err)
	}
	text, err := d.decode(b.binary, b.framed)
	if err != nil {
		f := contract.Failure{Rule: ruleEncoding, Text: err.Error()}
		var where *payload.Error
		if errors.As(err, &where) {
			f.Pointer = where.Path
		}
		return nil, []contract.Failure{f}
	}
	return text, nil
}

func newDecoder(e *registry.Entry) decoder {
	switch e.Type {
	case sr.TypeAvro:
		a, err := payload.CompileAvro(e.Text, e.Referenced)
		if err != nil {
			return decoder{err: err}
		}
		return decoder{decode: func(binary []byte, _ bool) ([]byte, error) {
			if _, body, ok := payload.SingleObject(binary); ok {
				binary = body
			}
			return a.Decode(nil, binary)
		}}
	case sr.TypeProtobuf:
		p, err := payload.CompileProto(e.Text, e.Referenced)
		if err != nil {
			return decoder{err: err}
		}
		return decoder{decode: func(binary []byte, framed bool) ([]byte, error) {
			var index []int
			if framed {
				var ok bool
				if index, binary, ok = payload.MessageIndex(binary); !ok {
					return nil, errors.New("the message's index behind the frame can't be read")
				}
			}
			out, _, err := p.Decode(nil, index, binary)
			return out, err
		}}
	}
	return decoder{err: fmt.Errorf("the schema type %s is none of JSON, AVRO and PROTOBUF", e.Type)}
}
