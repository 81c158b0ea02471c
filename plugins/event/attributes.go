// Package event reads, compares and writes the canonical event: a CloudEvents
// 1.0 event in structured JSON on one line.
//
// Everything here works on the bytes of a document. Nothing is decoded into
// maps or floats: a Scanner checks a document once and hands out views of the
// values that were asked for; times become Unix nanoseconds, numbers exact
// decimals.
package event

// Attributes of the canonical event.
const (
	AttrSpecVersion     = "specversion"
	AttrID              = "id"
	AttrSource          = "source"
	AttrType            = "type"
	AttrTime            = "time"
	AttrSubject         = "subject"
	AttrDataContentType = "datacontenttype"
	AttrDataSchema      = "dataschema"
	AttrCloud           = "cloud"
	AttrTenant          = "tenant"
	AttrCorrelationID   = "correlationid"
	AttrIngestTime      = "ingesttime"
	AttrTraceParent     = "traceparent"
	AttrTraceState      = "tracestate"
	AttrReplayID        = "heliosreplayid"
	AttrAttempt         = "heliosattempt"
	AttrCause           = "helioscause"
	AttrDataForm        = "heliosdataform"   // what a payload was that is no JSON object: json, text, base64 or none
	AttrSchema          = "heliosschema"     // subject/version of the contract that judged the payload
	AttrViolations      = "heliosviolations" // rule and place of each breach, when the event passed all the same
	AttrData            = "data"
	AttrDataBase64      = "data_base64"
)

// SpecVersion is the CloudEvents version of every canonical event.
const SpecVersion = "1.0"

// DefaultTenant is the tenant of an event that names none.
const DefaultTenant = "default"
