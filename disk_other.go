//go:build !linux

package main

// networkDisk is known on Linux alone.
func networkDisk(string) string { return "" }
