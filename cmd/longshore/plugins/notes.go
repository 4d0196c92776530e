package plugins

import (
	"fmt"
	"io"
	"sync"

	"github.com/go-logr/logr"
)

// notes keeps the last lines that a plugin wrote, to be shown when something is wrong with it. It is safe for concurrent use.
type notes struct {
	mu    sync.Mutex
	lines []note
}

// note is a line and how many times in a row it was written.
type note struct {
	text  string
	times int
}

const keptLines = 20

// log returns a logger that the host of the plugin writes to.
func (n *notes) log() logr.Logger { return logr.New(sink{n}) }

func (n *notes) add(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.lines) - 1; last >= 0 && n.lines[last].text == line {
		n.lines[last].times++
		return
	}
	n.lines = append(n.lines, note{line, 1})
	n.lines = n.lines[max(0, len(n.lines)-keptLines):]
}

// print writes the lines, indented, and forgets them.
func (n *notes) print(out io.Writer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, line := range n.lines {
		if line.times > 1 {
			line.text = fmt.Sprintf("%s (%d times)", line.text, line.times)
		}
		fmt.Fprintln(out, "      |", line.text)
	}
	n.lines = nil
}

// forget drops the lines.
func (n *notes) forget() { n.print(io.Discard) }

// sink takes what a host logs and keeps what the plugin said.
type sink struct{ notes *notes }

func (sink) Init(logr.RuntimeInfo)            {}
func (sink) Enabled(int) bool                 { return true }
func (s sink) WithValues(...any) logr.LogSink { return s }
func (s sink) WithName(string) logr.LogSink   { return s }
func (sink) Error(error, string, ...any)      {}
func (s sink) Info(_ int, _ string, values ...any) {
	for i := 0; i+1 < len(values); i += 2 {
		if values[i] == "line" {
			s.notes.add(fmt.Sprint(values[i+1]))
		}
	}
}
