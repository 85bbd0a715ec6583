package ui

import "github.com/a-h/templ"

// Variant is the look of a button. A page has one Primary button at most.
type Variant string

// Variants. Danger is outlined, never filled; it names what it destroys.
const (
	Default Variant = ""
	Primary Variant = "pri"
	Ghost   Variant = "ghost"
	Danger  Variant = "danger"
)

// ButtonProps is a button (Button) or a link that looks like one (LinkButton).
type ButtonProps struct {
	Label     string
	Icon      string
	Variant   Variant
	Small     bool
	IconOnly  bool   // the label is only read aloud
	AriaLabel string // where Label alone is not clear: "Rotate ios-production"

	// Of a Button.
	Type       string // submit if empty
	Name       string
	Value      string
	Form       string // id of its form, where it stands outside
	FormAction string // where it sends its form instead
	NoValidate bool   // sends the form as it is: Cancel, Preview
	Disabled   bool
	Copy       string // selector of the element whose text is copied; needs scripts

	// Of a LinkButton.
	Href     string
	Dialog   bool   // Href is a confirm page: scripts show it as a dialog
	Download string // the name of the file behind Href

	Attrs templ.Attributes // hx-* and data-*; never style or on*
}

func (b ButtonProps) kind() string {
	if b.Type == "" && b.Copy != "" {
		return "button"
	}
	if b.Type == "" {
		return "submit"
	}
	return b.Type
}

// class lists the classes of either form; a button that copies needs scripts.
func (b ButtonProps) class() string {
	class := "btn"
	for _, c := range []struct {
		name string
		on   bool
	}{{" " + string(b.Variant), b.Variant != ""}, {" sm", b.Small}, {" icon", b.IconOnly}, {" scripted", b.Copy != ""}} {
		if c.on {
			class += c.name
		}
	}
	return class
}

func (b ButtonProps) spoken() string {
	if b.AriaLabel == "" && b.IconOnly {
		return b.Label
	}
	return b.AriaLabel
}
