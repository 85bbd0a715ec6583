//go:build !linux

package main

// monotonic is asked for on Linux alone.
func monotonic() string { return "" }
