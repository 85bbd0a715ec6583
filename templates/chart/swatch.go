package chart

// swatch is the class of the small mark that names a series in legends and tips.
func swatch(s Series, position int, kind string) string {
	if kind == "bars" {
		return "b" + string(s.Kind.orSuccess())
	}
	return [...]string{"ln", "ln2", "ln3"}[min(position, 2)]
}
