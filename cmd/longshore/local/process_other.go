//go:build unix && !linux

package local

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// bound cannot be had from this kernel; the caller stops the process itself.
func bound() *syscall.SysProcAttr { return detached() }

// birth identifies a process beyond its id, which the kernel reuses. It is empty for a process that does not exist or is a zombie.
func birth(pid int) string {
	out, err := exec.Command("ps", "-o", "stat=,lstart=", "-p", strconv.Itoa(pid)).Output()
	fields := strings.Fields(string(out))
	if err != nil || len(fields) < 2 || strings.HasPrefix(fields[0], "Z") {
		return ""
	}
	return strings.Join(fields[1:], " ")
}

// marked is not supported: other processes' environments cannot be read here.
func marked(string) []int { return nil }
