package compat

import (
	"regexp/syntax"
	"strings"
)

// matchOf makes a short string that a pattern matches, as well as it can:
// boundaries and look-around are passed over.
func matchOf(pattern string) string {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "a"
	}
	var b strings.Builder
	writeMatch(&b, tree, 0)
	return b.String()
}

func writeMatch(b *strings.Builder, tree *syntax.Regexp, depth int) {
	if depth > 50 || b.Len() > maxSampleLength {
		return
	}
	switch tree.Op {
	case syntax.OpLiteral:
		b.WriteString(string(tree.Rune))
	case syntax.OpCharClass:
		b.WriteRune(classMember(tree.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('a')
	case syntax.OpCapture, syntax.OpConcat, syntax.OpPlus:
		for _, part := range tree.Sub {
			writeMatch(b, part, depth+1)
		}
	case syntax.OpAlternate:
		writeMatch(b, tree.Sub[0], depth+1)
	case syntax.OpRepeat:
		for range tree.Min {
			writeMatch(b, tree.Sub[0], depth+1)
		}
	}
}

// classMember prefers a letter or digit over the first code point of a class.
func classMember(ranges []rune) rune {
	for index := 0; index+1 < len(ranges); index += 2 {
		for _, wanted := range "aA0" {
			if ranges[index] <= wanted && wanted <= ranges[index+1] {
				return wanted
			}
		}
	}
	for index := 0; index+1 < len(ranges); index += 2 {
		if ranges[index] >= ' ' {
			return ranges[index]
		}
	}
	if len(ranges) > 0 {
		return ranges[0]
	}
	return 'a'
}
