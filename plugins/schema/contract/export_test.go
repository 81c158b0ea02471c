package contract

// ByLibrary judges a payload by the library alone; an error says that it can't
// be judged.
func ByLibrary(c *Contract, payload []byte) (accepted bool, err error) {
	if err := checkText(payload, 512); err != nil {
		return false, err
	}
	doc, err := decode(payload, nil)
	if err != nil {
		return false, err
	}
	full, err := c.full.get(c)
	if err != nil {
		return false, err
	}
	return full.Validate(doc) == nil, nil
}
