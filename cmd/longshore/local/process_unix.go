//go:build unix

package local

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// detached puts a process into a session of its own, so that neither Ctrl-C nor a closed terminal reaches it.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// grouped puts a process and its children into one group that signalGroup reaches.
func grouped() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func signalGroup(pid int, signal syscall.Signal) error { return syscall.Kill(-pid, signal) }

func terminate(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) }

func kill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }

// tryLock takes an exclusive lock that the kernel drops when this process ends, however it ends. It returns false when another
// process holds it.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return true, nil
}
