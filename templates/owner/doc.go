// Package owner draws the pages on which API owners publish and look after what they offer: APIs, stages, plans, subscriptions, keys, usage.
//
// A page takes its ui.Page and a view: plain values that package handlers chose and worded. A page with a form takes Fields too, what was typed and
// what is wrong with it.
package owner
