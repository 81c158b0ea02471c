package contract

// plainly reports whether text is of the format beyond doubt. What isn't plain
// may be of it all the same, and the library decides: it knows leap seconds.
func plainly(format string, text []byte) bool {
	switch format {
	case "date-time":
		return len(text) >= 20 && plainDate(text[:10]) && text[10] == 'T' && plainTime(text[11:])
	case "date":
		return plainDate(text)
	case "uuid":
		return plainUUID(text)
	}
	return false
}

// plainDate accepts the days that every month has.
func plainDate(s []byte) bool {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' || !digits(s[0:4]) || !digits(s[5:7]) || !digits(s[8:10]) {
		return false
	}
	month, day := two(s[5:]), two(s[8:])
	return month >= 1 && month <= 12 && day >= 1 && day <= 28 && string(s[:4]) != "0000"
}

// plainTime accepts times in UTC or with an offset (RFC 3339, section 5.6).
func plainTime(s []byte) bool {
	if len(s) < 9 || s[2] != ':' || s[5] != ':' || !digits(s[0:2]) || !digits(s[3:5]) || !digits(s[6:8]) {
		return false
	}
	if two(s) > 23 || two(s[3:]) > 59 || two(s[6:]) > 59 {
		return false
	}
	if s = s[8:]; s[0] == '.' {
		n := 1
		for n < len(s) && s[n]-'0' <= 9 {
			n++
		}
		if n == 1 {
			return false
		}
		s = s[n:]
	}
	switch {
	case len(s) == 1:
		return s[0] == 'Z'
	case len(s) == 6 && (s[0] == '+' || s[0] == '-') && s[3] == ':':
		return digits(s[1:3]) && digits(s[4:6]) && two(s[1:]) <= 23 && two(s[4:]) <= 59
	}
	return false
}

func plainUUID(s []byte) bool {
	if len(s) != 36 {
		return false
	}
	for i, b := range s {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if b != '-' {
				return false
			}
		} else if b-'0' > 9 && b-'a' > 5 && b-'A' > 5 {
			return false
		}
	}
	return true
}

func digits(s []byte) bool {
	for _, b := range s {
		if b-'0' > 9 {
			return false
		}
	}
	return true
}

func two(s []byte) int { return int(s[0]-'0')*10 + int(s[1]-'0') }
