package local

import (
	"errors"
	"os"
	"syscall"
)

// errUnsupported comes first of all, from tryLock, which every command calls before it touches a process.
var errUnsupported = errors.New("local clusters need Linux or macOS; on Windows run longshore inside WSL")

func tryLock(*os.File) (bool, error) { return false, errUnsupported }

func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

func grouped() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

func bound() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

func signalGroup(int, syscall.Signal) error { return errUnsupported }

func terminate(int) error { return errUnsupported }

func kill(int) error { return errUnsupported }

func birth(int) string { return "" }

func marked(string) []int { return nil }
