//go:build unix

package host

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the plugin its own process group, so that a Ctrl-C meant for the scheduler does not reach it first.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
