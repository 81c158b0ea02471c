package convert

// HasPlan tells whether there is a plan for the document that was opened last.
func (c *Converter) HasPlan() bool {
	shape := c.levels[0].opened.Shape
	if shape == nil {
		return false
	}
	notes, _ := shape.Note.(*noted)
	return notes != nil && notes.plan != nil
}
