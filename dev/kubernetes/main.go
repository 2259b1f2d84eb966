// Reads a DaemonSet in YAML from stdin into Kubernetes' own type. What that does not know, or knows otherwise, is said, with status 1.
package main

import (
	"fmt"
	"io"
	"os"

	apps "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = yaml.UnmarshalStrict(text, &apps.DaemonSet{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
