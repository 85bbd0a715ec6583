// Package disk reserves the space of files that are mapped into memory: to store to a page that the disk has no room for would end the process.
//
//	err := disk.Allocate(file, 16<<20) // ENOSPC now, and never while somebody writes
package disk
