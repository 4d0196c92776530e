package local

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// bound makes the kernel kill the process as soon as the thread that started it ends.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// birth identifies a process beyond its id, which the kernel reuses: it is the time of its start in clock ticks since boot. It is empty
// for a process that does not exist or is a zombie.
func birth(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	return birthFromStat(string(stat))
}

// birthFromStat reads field 22 of /proc/PID/stat. The second field, the command, may itself hold spaces and parentheses.
func birthFromStat(stat string) string {
	const state, startTime = 0, 19 // counted from the field after the command
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= startTime || fields[state] == "Z" || fields[state] == "X" {
		return ""
	}
	return fields[startTime]
}

// marked lists the processes whose environment holds the line.
func marked(line string) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	var pids []int
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil {
			continue // another user's process, or one that just ended
		}
		if !bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+line+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && birth(pid) != "" {
			pids = append(pids, pid)
		}
	}
	return pids
}
