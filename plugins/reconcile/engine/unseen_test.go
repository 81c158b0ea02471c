package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A compared field that nobody ever has is told, once; one that somebody had once
// is not, whatever comes later.
func TestAFieldThatNobodyHasIsTold(t *testing.T) {
	var told []string
	e, err := New(Config{
		MaxAhead: 24 * time.Hour,
		Unseen:   func(expectation, field string, facts int) { told = append(told, fmt.Sprint(expectation, field, facts)) },
		Expectations: []Expectation{{
			Name: "orders", Expect: []string{"aws", "gcp"}, Window: time.Minute,
			Compare: []Compare{{Field: "data.note"}, {Field: "data.nowhere"}, {Field: "nothing.at.all", NullIsAbsent: true}},
		}},
	}, &collected{})
	require.NoError(t, err)
	for i := range unseenFacts - 1 {
		for _, cloud := range []string{"aws", "gcp"} {
			doc := fmt.Sprintf(`{"id":"%d","source":"/s","type":"t","time":"2026-01-01T00:00:00Z","cloud":%q,"correlationid":"k%d","nothing":{"at":{"all":null}}}`, i, cloud, i)
			require.Equal(t, ReasonNone, e.Apply([]byte(doc), 1, layoutStart.UnixNano()).Reason)
		}
	}
	require.Empty(t, told)
	applyAt(t, e, "aws", "last", "a", "x", 0)
	applyAt(t, e, "gcp", "last", "b", "x", 0)
	require.Equal(t, []string{"ordersdata.nowhere1000", "ordersnothing.at.all1000"}, told)
	for i := range 2 * unseenFacts {
		applyAt(t, e, "aws", fmt.Sprint("more", i), "a", "x", 0)
		applyAt(t, e, "gcp", fmt.Sprint("more", i), "b", "x", 0)
	}
	e.TellUnseen()
	require.Len(t, told, 2)
}

// Where fewer facts come than that, the end tells.
func TestTheEndTellsOfAFieldThatNobodyHad(t *testing.T) {
	var told []string
	e, err := New(Config{
		MaxAhead:     24 * time.Hour,
		Unseen:       func(_, field string, facts int) { told = append(told, fmt.Sprint(field, facts)) },
		Expectations: []Expectation{{Name: "orders", Expect: []string{"aws"}, Window: time.Minute, Compare: []Compare{{Field: "data.note"}, {Field: "data.nowhere"}}}},
	}, &collected{})
	require.NoError(t, err)
	e.TellUnseen()
	require.Empty(t, told, "of nothing there is nothing to tell")
	applyAt(t, e, "aws", "one", "a", "x", 0)
	applyAt(t, e, "aws", "two", "a", "x", 0)
	e.TellUnseen()
	e.TellUnseen()
	require.Equal(t, []string{"data.nowhere2"}, told)
}
