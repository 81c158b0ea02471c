package infer

import (
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/helios-connect/helios/plugins/event"
)

// format is a set of what texts can look like.
type format uint16

const (
	isDateTime format = 1 << iota
	isDate
	isUUID
	isEmail
	isURI
	isIPv4
	isIPv6
	isInt64  // an integer of 64 bits, as JSON from Protobuf spells it
	isDigits // digits, with leading zeros too
	isHex    // 16 or more hexadecimal digits
)

// formatNames are JSON Schema's names, those that say most first.
var formatNames = []struct {
	is   format
	name string
}{
	{isDateTime, "date-time"}, {isDate, "date"}, {isUUID, "uuid"}, {isEmail, "email"},
	{isIPv4, "ipv4"}, {isIPv6, "ipv6"}, {isURI, "uri"},
}

func (f format) name() string {
	for _, n := range formatNames {
		if f&n.is != 0 {
			return n.name
		}
	}
	return ""
}

// checks are stricter than JSON Schema's formats, so that a value that passes
// here passes any validator.
var checks = []struct {
	is    format
	match func(string) bool
}{
	{isDateTime, dateTime}, {isDate, date}, {isUUID, uuidRule.MatchString}, {isEmail, email}, {isURI, uri},
	{isIPv4, ipv4}, {isIPv6, ipv6}, {isInt64, int64Text}, {isDigits, digitsRule.MatchString}, {isHex, hexRule.MatchString},
}

const int64Pattern = `^-?(0|[1-9][0-9]{0,18})$`

var (
	uuidRule   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	emailRule  = regexp.MustCompile(`^[A-Za-z0-9_%+-]+(\.[A-Za-z0-9_%+-]+)*@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$`)
	digitsRule = regexp.MustCompile(`^[0-9]+$`)
	hexRule    = regexp.MustCompile(`^[0-9a-fA-F]{16,}$`)
	int64Rule  = regexp.MustCompile(int64Pattern)
	schemeRule = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://[A-Za-z0-9.-]+(:[0-9]+)?([/?#][!-~]*)?$`)
)

func dateTime(s string) bool {
	if len(s) < 20 || s[10] != 'T' || strings.Contains(s, ",") {
		return false
	}
	_, err := time.Parse(time.RFC3339Nano, s)
	_, err2 := event.ParseTime([]byte(s))
	return err == nil && err2 == nil
}

func date(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func email(s string) bool {
	return len(s) <= 254 && strings.IndexByte(s, '@') <= 64 && emailRule.MatchString(s)
}

func uri(s string) bool {
	if !schemeRule.MatchString(s) {
		return false
	}
	_, err := url.Parse(s)
	return err == nil
}

func ipv4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

func ipv6(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && a.Zone() == ""
}

func int64Text(s string) bool {
	if !int64Rule.MatchString(s) {
		return false
	}
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

// shapes is what several texts have in common.
type shapes struct {
	seen   int
	common format
}

func (c *shapes) add(s []byte) {
	if c.seen > 0 && c.common == 0 {
		c.seen++
		return
	}
	all, t := c.common, string(s)
	if c.seen == 0 {
		all = math.MaxUint16
	}
	c.common = 0
	for _, k := range checks {
		if all&k.is != 0 && k.match(t) {
			c.common |= k.is
		}
	}
	c.seen++
}

func (c *shapes) merge(o shapes) {
	switch {
	case o.seen == 0:
	case c.seen == 0:
		*c = o
	default:
		c.seen += o.seen
		c.common &= o.common
	}
}

// text is what the strings at one place have in common.
type text struct {
	shapes
	minLen, maxLen int // in characters, as minLength counts
	// distinct counts each value, and is nil once there were more than MaxDistinct
	// or one longer than MaxTextBytes.
	distinct map[string]int
	many     bool
	example  string // the simplest one that isn't empty
	// head is what stands before the digits at the end of every string;
	// noHead: they differ, or one ends without digits.
	head   string
	noHead bool
}

func (t *text) add(s []byte) {
	first := t.seen == 0
	t.shapes.add(s)
	t.length(first, utf8.RuneCount(s), utf8.RuneCount(s))
	t.addHead(first, s)
	if len(s) > MaxTextBytes {
		t.many, t.distinct = true, nil
		return
	}
	t.takeExample(string(s))
	t.count(string(s), 1)
}

func (t *text) length(first bool, low, high int) {
	if first || low < t.minLen {
		t.minLen = low
	}
	t.maxLen = max(t.maxLen, high)
}

func (t *text) addHead(first bool, s []byte) {
	if t.noHead {
		return
	}
	end := len(s)
	for end > 0 && s[end-1]-'0' < 10 {
		end--
	}
	head := s[:end]
	if end == len(s) || end == 0 || end > MaxTextBytes/2 || !graphic(head) || !first && t.head != string(head) {
		t.noHead, t.head = true, ""
		return
	}
	t.head = string(head)
}

func graphic(s []byte) bool {
	for _, c := range s {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

func (t *text) takeExample(s string) {
	if s != "" && (t.example == "" || simpler(s, t.example)) {
		t.example = s
	}
}

func (t *text) count(s string, n int) {
	if t.many {
		return
	}
	if t.distinct == nil {
		t.distinct = map[string]int{}
	}
	t.distinct[s] += n
	if len(t.distinct) > MaxDistinct {
		t.many, t.distinct = true, nil
	}
}

func (t *text) merge(o *text) {
	if o.seen == 0 {
		return
	}
	first := t.seen == 0
	t.shapes.merge(o.shapes)
	t.length(first, o.minLen, o.maxLen)
	if o.noHead || t.noHead || !first && t.head != o.head {
		t.noHead, t.head = true, ""
	} else {
		t.head = o.head
	}
	t.takeExample(o.example)
	if o.many {
		t.many, t.distinct = true, nil
	}
	for s, n := range o.distinct {
		t.count(s, n)
	}
}
