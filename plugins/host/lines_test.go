package host

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
)

func TestLines(t *testing.T) {
	tests := []struct {
		name   string
		writes []string
		want   []string
	}{
		{"plain", []string{"one\ntwo\n"}, []string{"one", "two"}},
		{"in pieces", []string{"on", "e\nt", "wo\n"}, []string{"one", "two"}},
		{"unfinished", []string{"panic: no"}, []string{"panic: no"}},
		{"empty lines", []string{"\n\n  \none\n"}, []string{"one"}},
		{"hclog", []string{`{"@level":"warn","@message":"table is old","@module":"x"}` + "\n"}, []string{"warn: table is old"}},
		{"debugging is not for the operator", []string{`{"@level":"debug","@message":"looked"}` + "\n"}, nil},
		{"almost hclog", []string{"{\"@level\":3}\n{\n"}, []string{`{"@level":3}`, "{"}},
		{"long", []string{strings.Repeat("x", 3*maxLineBytes) + "\nnext\n"}, []string{strings.Repeat("x", maxLineBytes), "next"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			l := newLines(recorder(&got), func() time.Time { return time.Unix(0, 0) }, func(int) {})
			for _, w := range tt.writes {
				if n, err := l.Write([]byte(w)); n != len(w) || err != nil {
					t.Fatalf("wrote %d of %d, %v", n, len(w), err)
				}
			}
			l.flush()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

// recorder appends what is logged as lines of a plugin, and the number of lines left out.
func recorder(into *[]string) logr.Logger {
	return funcr.New(func(_, args string) {
		for _, key := range []string{`"line"=`, `"linesLeftOut"=`} {
			if _, value, ok := strings.Cut(args, key); ok {
				var s string
				if _, err := fmt.Sscanf(value, "%q", &s); err != nil {
					s, _, _ = strings.Cut(value, " ")
				}
				*into = append(*into, s)
			}
		}
	}, funcr.Options{})
}

func TestFloodIsCounted(t *testing.T) {
	var got []string
	now, dropped := time.Unix(0, 0), 0
	l := newLines(recorder(&got), func() time.Time { return now }, func(n int) { dropped += n })
	for i := range 10_000 {
		fmt.Fprintf(l, "noise %d\n", i)
	}
	if len(got) != linesAtOnce || dropped != 10_000-linesAtOnce {
		t.Errorf("%d lines were passed on and %d dropped", len(got), dropped)
	}
	now = now.Add(time.Second)
	fmt.Fprintln(l, "quiet again")
	if diff := cmp.Diff([]string{"9800", "quiet again"}, got[linesAtOnce:]); diff != "" {
		t.Errorf("after the flood (-want +got):\n%s", diff)
	}
}
