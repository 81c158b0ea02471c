package convert

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"unicode/utf8"

	"github.com/helios-connect/helios/plugins/event"
)

// inline is a payload that stands in its envelope as JSON.
func inline(raw []byte, values [][]byte) payload {
	switch {
	case raw == nil:
		return payload{form: asNone}
	case raw[0] == '{':
		return payload{data: raw, values: values}
	default:
		return payload{data: raw, form: asJSON}
	}
}

// decodeBase64 decodes a raw JSON string; ok is false when it holds something
// else.
func (c *Converter) decodeBase64(raw []byte) (data []byte, ok bool) {
	text, ok := c.unquote(raw)
	if !ok {
		return nil, false
	}
	start := len(c.arena)
	if decoded, ok := appendDecoded(c.arena, text); ok {
		set(&c.arena, decoded)
		return decoded[start:len(decoded):len(decoded)], true
	}
	encoding := base64.StdEncoding
	if len(text)%4 != 0 {
		encoding = base64.RawStdEncoding
	}
	if bytes.IndexByte(text, '-') >= 0 || bytes.IndexByte(text, '_') >= 0 {
		encoding = base64.URLEncoding
		if len(text)%4 != 0 {
			encoding = base64.RawURLEncoding
		}
	}
	arena, err := encoding.AppendDecode(c.arena, text)
	if err != nil {
		return nil, false
	}
	c.arena = arena
	return arena[start:len(arena):len(arena)], true
}

// bytesAs turns the bytes of a payload into one, by its content type (a raw JSON
// string, or nil for application/json).
func (c *Converter) bytesAs(data, contentType []byte) (payload, error) {
	kind := contentKind(contentType)
	switch {
	case len(data) == 0:
		return payload{form: asNone}, nil
	case kind == textContent && utf8.Valid(data):
		return payload{data: c.quote(string(data)), form: asText}, nil
	case kind != otherContent:
		p, err := c.jsonPayload(data)
		if err == nil {
			return p, nil
		}
		if contentType != nil && kind == jsonContent || looksLikeJSON(data) {
			return payload{}, fmt.Errorf("the payload: %w", err)
		}
	}
	if kind != otherContent && utf8.Valid(data) {
		return payload{data: c.quote(string(data)), form: asText}, nil
	}
	return c.binaryPayload(data), nil
}

func (c *Converter) binaryPayload(data []byte) payload {
	start := len(c.arena)
	c.arena = append(c.arena, '"')
	c.arena = base64.StdEncoding.AppendEncode(c.arena, data)
	c.arena = append(c.arena, '"')
	return payload{data: c.arena[start:len(c.arena):len(c.arena)], form: asBase64}
}

// jsonPayload checks a payload that is any JSON value.
func (c *Converter) jsonPayload(data []byte) (payload, error) {
	if len(data) > 0 && (!isVisible(data[0]) || !isVisible(data[len(data)-1])) {
		data = bytes.TrimSpace(data)
	}
	if len(data) > 0 && data[0] == '{' {
		err := c.scanner.Scan(data, c.opt.inside, c.values)
		return payload{data: data, values: c.values}, err
	}
	_, err := c.scanner.Open(data, noPaths, nil, nil)
	return payload{data: data, form: asJSON}, err
}

// isVisible tells the characters that no white space begins or ends with.
func isVisible(c byte) bool { return c > ' ' && c < utf8.RuneSelf }

var noPaths = event.MustCompilePaths()

// textAs turns text that a queue or topic carried into a payload: objects and
// arrays are JSON, everything else is text, numbers too.
func (c *Converter) textAs(text []byte) (payload, error) {
	switch {
	case len(text) == 0:
		return payload{form: asNone}, nil
	case firstByte(text) == '{' || firstByte(text) == '[':
		p, err := c.jsonPayload(text)
		if err == nil {
			return p, nil
		}
		if looksLikeJSON(text) {
			return p, fmt.Errorf("the payload: %w", err)
		}
	}
	if !utf8.Valid(text) {
		return c.binaryPayload(text), nil
	}
	return payload{data: c.quote(string(text)), form: asText}, nil
}

// looksLikeJSON tells text that was meant to be an object or a batch of them
// from text that only begins with a bracket.
func looksLikeJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) > 0 && text[0] == '[' {
		text = bytes.TrimLeft(text[1:], " \t\r\n")
	}
	if len(text) < 2 || text[0] != '{' {
		return false
	}
	next := firstByte(text[1:])
	return next == '"' || next == '}'
}

type contentClass uint8

const (
	jsonContent contentClass = iota
	textContent
	otherContent
)

// contentKind tells what bytes of a media type (RFC 2045) are.
func contentKind(raw []byte) contentClass {
	if raw == nil {
		return jsonContent
	}
	media, _, _ := bytes.Cut(bytes.Trim(raw, `"`), []byte(";"))
	media = bytes.ToLower(bytes.TrimSpace(media))
	switch {
	case len(media) == 0, bytes.HasSuffix(media, []byte("/json")), bytes.HasSuffix(media, []byte("+json")):
		return jsonContent
	case bytes.HasPrefix(media, []byte("text/")), bytes.HasSuffix(media, []byte("/xml")), bytes.HasSuffix(media, []byte("+xml")):
		return textContent
	default:
		return otherContent
	}
}

// carried converts what a queue or topic carried as text: another envelope, or
// else an event whose identity is that of the message.
func (c *Converter) carried(text []byte, o *outer) {
	if o.level >= maxLevels {
		c.refuse(o, Unreadable, errTooDeep)
		return
	}
	if first := firstByte(text); first == '{' || first == '[' {
		l, err := c.open(text, o.level)
		switch {
		case err == nil && l.array && c.batchOfEvents(l, o.level):
			c.opened(text, l, o, Auto)
			return
		case err == nil && !l.array:
			if format := l.detect(); format != Auto {
				c.opened(text, l, o, format)
				return
			}
			if about := report(l); about != nil {
				c.refuse(o, NotAnEvent, about)
				return
			}
		}
	}
	p, err := c.textAs(text)
	if err != nil {
		c.refuse(o, Unreadable, err)
		return
	}
	c.message(p, o)
}

// batchOfEvents tells whether an array holds envelopes.
func (c *Converter) batchOfEvents(l *level, at int) bool {
	if len(l.extent) == 0 || at+1 >= maxLevels {
		return false
	}
	first, err := c.open(l.value(0), at+1)
	return err == nil && !first.array && first.detect() != Auto
}

// message makes an event of a message that is none itself.
func (c *Converter) message(p payload, o *outer) {
	c.extra.reset()
	c.unwind(o)
	d := draft{names: o.names, payload: p}
	d.identify(o.identity)
	c.finish(&d, o)
}
