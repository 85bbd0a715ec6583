// The child alone, without the race detector, whose own memory would not fit into the child's limits.
package main

import (
	"os"

	"gatehouse/models/openapi"
)

func main() {
	os.Exit(openapi.ChildMain(os.Stdin, os.Stdout))
}
