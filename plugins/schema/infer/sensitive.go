package infer

import (
	"strings"
	"unicode"
)

// sensitiveWords are words of a name whose values shouldn't be shown.
var sensitiveWords = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`email mail card pan cardnumber cvv cvc cvv2 pin password passwd pwd passphrase passcode
		secret iban bic swift phone telephone tel mobile msisdn fax token jwt bearer apikey accesskey secretkey privatekey
		authorization credential cookie session ssn nin passport license licence taxid birth birthday birthdate
		dob signature otp pseudonym`) {
		m[w] = true
	}
	return m
}()

// sensitivePairs are sensitive only together.
var sensitivePairs = map[string]bool{
	"api key": true, "access key": true, "secret key": true, "private key": true, "tax id": true, "account number": true,
	"first name": true, "last name": true, "full name": true, "given name": true, "family name": true,
}

// sensitive tells whether a member name looks as if its values were nobody
// else's business. Names are cut into words at case, digits and punctuation.
func sensitive(name string) bool {
	words := nameWords(name)
	for i, w := range words {
		if sensitiveWords[w] || sensitiveWords[strings.TrimSuffix(w, "s")] {
			return true
		}
		if i > 0 && (sensitivePairs[words[i-1]+" "+w] || sensitiveWords[words[i-1]+w]) {
			return true
		}
	}
	return sensitiveWords[strings.Join(words, "")]
}

func nameWords(name string) (words []string) {
	var word []rune
	flush := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		if !unicode.IsLetter(r) {
			flush()
			continue
		}
		// fooBar is foo, bar; HTTPToken is http, token.
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) ||
			unicode.IsUpper(runes[i-1]) && i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			flush()
		}
		word = append(word, r)
	}
	flush()
	return words
}
