package event

import "bytes"

// Event is a canonical event to be written. Attributes are raw JSON strings with
// their quotes, so that what comes from another document is copied as it stands;
// AppendQuoted makes one of text. A nil attribute is left out, except specversion,
// which is always there.
type Event struct {
	ID, Source, Type, Time               []byte
	Subject, DataContentType, DataSchema []byte
	Cloud, Tenant, CorrelationID         []byte
	IngestTime, TraceParent              []byte
	// Extra holds further attributes as they are written: each a comma, its name
	// (of the letters a-z and digits) in quotes, a colon and its raw value. They
	// may come in pieces, which are written one behind the other.
	Extra [3][]byte
	// Data is the payload, any JSON value. Line breaks in it are taken out.
	Data []byte
}

// AppendJSON appends the event as one JSON object on one line, in a fixed order
// of members, without checking it.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"specversion":"1.0"`...)
	dst = appendMember(dst, `,"id":`, e.ID)
	dst = appendMember(dst, `,"source":`, e.Source)
	dst = appendMember(dst, `,"type":`, e.Type)
	dst = appendMember(dst, `,"time":`, e.Time)
	dst = appendMember(dst, `,"cloud":`, e.Cloud)
	dst = appendMember(dst, `,"tenant":`, e.Tenant)
	dst = appendMember(dst, `,"correlationid":`, e.CorrelationID)
	dst = appendMember(dst, `,"ingesttime":`, e.IngestTime)
	dst = appendMember(dst, `,"subject":`, e.Subject)
	dst = appendMember(dst, `,"datacontenttype":`, e.DataContentType)
	dst = appendMember(dst, `,"dataschema":`, e.DataSchema)
	dst = appendMember(dst, `,"traceparent":`, e.TraceParent)
	dst = append(append(append(dst, e.Extra[0]...), e.Extra[1]...), e.Extra[2]...)
	if e.Data != nil {
		dst = AppendOneLine(append(dst, `,"data":`...), e.Data)
	}
	return append(dst, '}')
}

// Size returns how many bytes AppendJSON appends at most.
func (e *Event) Size() int {
	const names = len(`{"specversion":"1.0","id":,"source":,"type":,"time":,"cloud":,"tenant":,"correlationid":,"ingesttime":` +
		`,"subject":,"datacontenttype":,"dataschema":,"traceparent":,"data":}`)
	return names + len(e.ID) + len(e.Source) + len(e.Type) + len(e.Time) + len(e.Subject) + len(e.DataContentType) + len(e.DataSchema) +
		len(e.Cloud) + len(e.Tenant) + len(e.CorrelationID) + len(e.IngestTime) + len(e.TraceParent) + len(e.Extra[0]) + len(e.Extra[1]) + len(e.Extra[2]) + len(e.Data)
}

func appendMember(dst []byte, name string, raw []byte) []byte {
	if raw == nil {
		return dst
	}
	return append(append(dst, name...), raw...)
}

// AppendOneLine appends a valid raw JSON value without the line breaks between
// its tokens, and without any other white space there if it had some.
func AppendOneLine(dst, raw []byte) []byte {
	if IsString(raw) || bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') < 0 {
		return append(dst, raw...)
	}
	for i := 0; i < len(raw); {
		switch raw[i] {
		case ' ', '\n', '\r', '\t':
			i++
		case '"':
			end, _ := scanString(raw, i+1)
			if end < 0 {
				return append(dst, raw[i:]...)
			}
			dst = append(dst, raw[i:end+1]...)
			i = end + 1
		default:
			dst = append(dst, raw[i])
			i++
		}
	}
	return dst
}
