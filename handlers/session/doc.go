// Package session keeps what a browser carries between two pages: who is signed in, a flash message, and a secret on its way to the one page that
// shows it. The cookie holds a signed random token and nothing else; the values are a row that can be ended at any time (DECISIONS 43).
//
//	s, err := manager.Open(request)
//	s.SignIn(account.ID)            // a new token: what was planted before signing in is worth nothing
//	s.Flash(session.Good, "Welcome back.")
//	err = manager.Keep(writer, s)
//
// A Session belongs to one request and is not safe for concurrent use; a Manager is.
package session
