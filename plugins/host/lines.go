package host

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
)

// Limits on what a plugin may write to the scheduler's log.
const (
	maxLineBytes   = 4 << 10
	linesPerSecond = 20
	linesAtOnce    = 200
)

// lines passes what a plugin writes to its standard error on to the log, line by line. What comes too fast is counted instead. It is safe for
// concurrent use.
type lines struct {
	log     logr.Logger
	now     func() time.Time
	dropped func(n int)

	mu      sync.Mutex
	limit   *rate.Limiter
	partial []byte
	// lost is how many lines were left out since the last one that was not.
	lost int
}

func newLines(log logr.Logger, now func() time.Time, dropped func(n int)) *lines {
	return &lines{log: log, now: now, dropped: dropped, limit: rate.NewLimiter(linesPerSecond, linesAtOnce)}
}

// Write never fails and never blocks on the plugin's account.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for {
		line, rest, ended := bytes.Cut(p, []byte("\n"))
		l.partial = append(l.partial, line[:min(len(line), maxLineBytes-len(l.partial))]...)
		if !ended {
			return n, nil
		}
		l.emit()
		p = rest
	}
}

// flush writes an unfinished line, and how many were left out.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 {
		l.emit()
	}
	l.admitLoss()
}

func (l *lines) emit() {
	text := strings.TrimSpace(string(l.partial))
	l.partial = l.partial[:0]
	if text == "" {
		return
	}
	if !l.limit.AllowN(l.now(), 1) {
		l.lost++
		l.dropped(1)
		return
	}
	l.admitLoss()
	message, verbosity := parse(text)
	l.log.V(verbosity).Info("plugin says", "line", message)
}

func (l *lines) admitLoss() {
	if l.lost > 0 {
		l.log.Info("plugin wrote more than is passed on", "linesLeftOut", l.lost, "linesPerSecond", linesPerSecond)
	}
	l.lost = 0
}

// parse recognises the lines of go-hclog in JSON, so that what the plugin calls debugging is debugging here.
func parse(text string) (message string, verbosity int) {
	var entry struct {
		Level   string `json:"@level"`
		Message string `json:"@message"`
	}
	if text[0] != '{' || json.Unmarshal([]byte(text), &entry) != nil || entry.Message == "" {
		return text, 0
	}
	if entry.Level == "debug" || entry.Level == "trace" {
		return entry.Message, 1
	}
	return entry.Level + ": " + entry.Message, 0
}
