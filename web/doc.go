// Package web is the portal's edge: the only list of routes with each group's guard (routes.go), and what every request passes (portal.go, edge.go): a request
// id, security headers, cross-origin protection, a recovery that keeps secrets out of the log. The pages are in package handlers.
package web
