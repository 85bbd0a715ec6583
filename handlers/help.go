package handlers

import (
	"strings"

	"gatehouse/templates/help"
	"gatehouse/templates/ui"
)

// Help is the pages that explain the portal itself.
type Help struct {
	Text   *GuideText
	Stages string // the chapter on stages, in Markdown; its first line is its title
}

// StageSettings is the chapter on the settings of stages, for their owners.
func (h *Help) StageSettings(r *Request) (Reply, error) {
	title, text, _ := strings.Cut(h.Stages, "\n")
	title = strings.TrimPrefix(title, "# ")
	page := h.Text.render(text)
	return Page(help.Chapter(r.layout(title, ui.Crumb{}), help.ChapterView{Title: title, Text: page.html, Contents: page.contents})), nil
}

// Keys lists what keys do in each part of the portal that the reader has.
func (h *Help) Keys(r *Request) (Reply, error) {
	v := help.KeysView{Off: r.Account.NoKeys, SettleAt: "/me#display", Groups: []help.KeyGroup{{Title: "Everywhere", Keys: []help.Key{
		{Press: []string{"Ctrl", "K"}, What: "Search everything", Href: "/search", Held: true},
		{Press: []string{"/"}, What: "Search the list that is shown, or everything"},
		{Press: []string{"c"}, What: "Make a new one of what is listed"},
		{Press: []string{"?"}, What: "This list"},
		{Press: []string{"Esc"}, What: "Close what is open"},
	}}}}
	for _, hat := range r.hats() {
		group := help.KeyGroup{Title: hat.Label}
		if len(r.hats()) == 1 {
			group.Title = "Pages"
		}
		for _, section := range r.sidebar(hatOf(hat.Href)) {
			for _, item := range section.Items {
				if item.Key != "" {
					group.Keys = append(group.Keys, help.Key{Press: []string{"g", item.Key}, What: item.Label, Href: item.Href})
				}
			}
		}
		v.Groups = append(v.Groups, group)
	}
	return Page(help.Keys(r.layout("Keyboard", ui.Crumb{}), v)), nil
}
