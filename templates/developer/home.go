package developer

import "gatehouse/templates/ui"

// HomeView is a developer's overview.
type HomeView struct {
	Steps         []ui.Step // until the first call was answered with 200
	Tiles         []ui.Stat
	Notices       []NoticeLine
	Subscriptions []SubscriptionCard
	MoreHref      string // where all subscriptions are, when there are more than shown
	Recent        KeyTable
}

// NoticeLine is something that needs the reader.
type NoticeLine struct {
	Kind       ui.Kind
	Text       string
	Href, Link string
}
