package handlers

import "gatehouse/templates/ui"

// Brand is what the portal is called and looks like.
type Brand struct{}

func (r *Request) brand() ui.Brand { return ui.Brand{} }
