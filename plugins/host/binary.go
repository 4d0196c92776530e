package host

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
)

// binary is the file that a plugin process was started from.
type binary struct {
	path, sha256 string
	// taken is the file that runs, or that was looked into since; last is the one that was there at the last look. Nil if it could not be told.
	taken, last os.FileInfo
}

func newBinary(spec *Spec) *binary {
	at, err := os.Stat(spec.Path)
	if err != nil {
		at = nil
	}
	return &binary{path: spec.Path, sha256: spec.SHA256, taken: at, last: at}
}

// replaced reports, once for each, whether another file has taken the place of the one that runs. A file that is not as it was at the last look
// may still be being written.
func (b *binary) replaced() bool {
	now, err := os.Stat(b.path)
	if err != nil {
		return false
	}
	settled := sameFile(now, b.last)
	b.last = now
	if !settled || sameFile(now, b.taken) {
		return false
	}
	b.taken = now
	return true
}

func sameFile(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// refusal says why the file must not be run; nil if nothing is said about what it must be, or it is that.
func (b *binary) refusal() error {
	if b.sha256 == "" {
		return nil
	}
	f, err := os.Open(b.path)
	if err != nil {
		return fmt.Errorf("reading the plugin: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("reading the plugin: %w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, b.sha256) {
		return fmt.Errorf("%s was replaced by a file whose SHA-256 is %s and not %s: write the new one into the configuration if the file is the right one",
			b.path, got, b.sha256)
	}
	return nil
}
