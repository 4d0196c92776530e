package local

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// tickPeriod is how often a counter is printed where lines cannot be redrawn.
const tickPeriod = 15 * time.Second

// Progress is told what happens, by subject: a cluster's name or "localkube". Implementations are safe for concurrent use.
type Progress interface {
	// Step says what the subject does from now on.
	Step(subject, text string)
	// Tick refines the last step with a figure that changes often.
	Tick(subject, text string)
}

// Silent drops everything.
var Silent Progress = silent{}

type silent struct{}

func (silent) Step(string, string) {}
func (silent) Tick(string, string) {}

// NewProgress writes to w: one redrawn line per subject if w is a terminal, otherwise a plain line per step and every tickPeriod one
// for a tick.
func NewProgress(w io.Writer) Progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &screen{w: w, width: func() int { return terminalWidth(f) }, rows: map[string]int{}}
	}
	return &lines{w: w, now: time.Now, ticked: map[string]time.Time{}}
}

func terminalWidth(f *os.File) int {
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 20 {
		return 80
	}
	return width
}

// lines is the plain form.
type lines struct {
	mu     sync.Mutex
	w      io.Writer
	now    func() time.Time
	ticked map[string]time.Time
}

func (l *lines) Step(subject, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ticked[subject] = l.now()
	fmt.Fprintf(l.w, "%s: %s\n", subject, text)
}

func (l *lines) Tick(subject, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); now.Sub(l.ticked[subject]) >= tickPeriod {
		l.ticked[subject] = now
		fmt.Fprintf(l.w, "%s: %s\n", subject, text)
	}
}

// screen keeps one row per subject, in the order of their first appearance, and redraws the row that changed.
type screen struct {
	mu    sync.Mutex
	w     io.Writer
	width func() int
	rows  map[string]int
}

func (s *screen) Step(subject, text string) { s.draw(subject, text) }
func (s *screen) Tick(subject, text string) { s.draw(subject, text) }

func (s *screen) draw(subject, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := cut(fmt.Sprintf("%-15s %s", subject, text), s.width()-1)
	row, known := s.rows[subject]
	if !known {
		s.rows[subject] = len(s.rows)
		fmt.Fprintf(s.w, "%s\n", line)
		return
	}
	up := len(s.rows) - row
	fmt.Fprintf(s.w, "\x1b[%dA\r\x1b[K%s\x1b[%dB\r", up, line, up)
}

// cut keeps a line from wrapping, which would confuse the rows.
func cut(line string, width int) string {
	runes := []rune(strings.ReplaceAll(line, "\n", " "))
	if len(runes) <= width {
		return string(runes)
	}
	return string(runes[:width-1]) + "…"
}
