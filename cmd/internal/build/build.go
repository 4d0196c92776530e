// Package build tells which build of Longshore a program is.
package build

import "runtime/debug"

// Version returns what the Go toolchain recorded: the tag, or a pseudo-version that holds the commit, followed by "+dirty" if files were
// changed; "(devel)" if it was told to record nothing, and "unknown" in a program that was built without modules.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
