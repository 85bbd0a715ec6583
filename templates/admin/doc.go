// Package admin holds the administrators' pages: accounts, invitations, settings, and the audit log, which API owners see too.
package admin
