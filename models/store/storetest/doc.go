// Package storetest gives tests a real store: SQLite in a directory of the test's own, migrated once per test binary and copied.
//
//	s := storetest.Open(t)
//	owner := storetest.Owner(t, s)
//	api, err := s.CreateAPI(ctx, storetest.Actor(owner), in, storetest.Now())
//
// Only tests import it.
package storetest
