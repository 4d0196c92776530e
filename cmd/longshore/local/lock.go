package local

import (
	"context"
	"errors"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/util/wait"
)

// lockFile waits for an exclusive lock; waiting is called once if somebody else has it. The lock ends with the process at the latest.
func lockFile(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	var held *os.File
	told := false
	err = wait.PollUntilContextCancel(ctx, pollPeriod, true, func(context.Context) (bool, error) {
		var err error
		held, err = tryLockFile(path)
		if held == nil && err == nil && !told {
			told = true
			waiting()
		}
		return held != nil, err
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for the lock %s: %w", path, err)
	}
	return func() { _ = held.Close() }, nil
}

// tryLockFile returns nil if somebody else holds the lock, or removed the file while it was being opened.
func tryLockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	locked, err := tryLock(f)
	if err == nil && locked && stillAt(f, path) {
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}

// stillAt reports whether the open file is the one that others would find under this path.
func stillAt(f *os.File, path string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	found, err := os.Stat(path)
	return err == nil && os.SameFile(opened, found)
}
