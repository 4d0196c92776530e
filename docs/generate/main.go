// Command generate writes docs/cli, the reference of the longshore command, from the command's own help texts. `make generate` runs it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra/doc"

	"github.com/longshore-project/longshore/cmd/longshore/root"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./docs/generate docs/cli")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "generating the reference of the command line:", err)
		os.Exit(1)
	}
}

// write replaces every page, so that commands which no longer exist leave none behind.
func write(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, "longshore*.md"))
	if err != nil {
		return err
	}
	for _, page := range old {
		if err := os.Remove(page); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	cmd := root.NewCommand("longshore")
	// The pages must not change with the day they were made.
	cmd.DisableAutoGenTag = true
	cmd.InitDefaultCompletionCmd()
	return doc.GenMarkdownTree(cmd, dir)
}
