package event_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/event"
)

func TestEventIsOneLineInAFixedOrder(t *testing.T) {
	e := event.Event{
		ID: []byte(`"1"`), Source: []byte(`"/s"`), Type: []byte(`"t"`), Time: []byte(`"2026-11-23T18:28:01Z"`), Cloud: []byte(`"aws"`),
		Tenant: []byte(`"default"`), CorrelationID: []byte(`"k\"\u00e9"`), IngestTime: []byte(`"2026-11-23T18:28:02Z"`),
		Extra: [3][]byte{[]byte(`,"region":"eu"`), nil, []byte(`,"attempt":3`)},
		Data:  []byte("{\n  \"a\" : \"x \\n y\",\r\n\t\"b\": [ 1, 2 ]\n}"),
	}
	require.Equal(t, `{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"2026-11-23T18:28:01Z","cloud":"aws","tenant":"default",`+
		`"correlationid":"k\"\u00e9","ingesttime":"2026-11-23T18:28:02Z","region":"eu","attempt":3,"data":{"a":"x \n y","b":[1,2]}}`,
		string(e.AppendJSON(nil)))
}
