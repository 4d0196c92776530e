package plugins

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/cmd/longshore/connect/connecttest"
)

// TestBench measures a filter and score. Times are not looked at, but that there are some, and which rows.
func TestBench(t *testing.T) {
	out, err := connecttest.Run(t, NewCommand(), "bench", os.Args[0], asPlugin, "none", "--clusters", "10,70", "--duration", "1ms")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var rows []string
	answered := map[string]int{}
	for line := range strings.Lines(out) {
		cells := strings.Fields(line)
		if len(cells) < 12 || cells[0] == "CLUSTERS" {
			continue
		}
		name := cells[0] + " " + cells[1]
		rows = append(rows, name)
		answered[name], _ = strconv.Atoi(cells[9])
		if ratio, err := strconv.ParseFloat(cells[11], 64); cells[1] != "fleet" && (err != nil || ratio <= 0) {
			t.Errorf("%s: the ratio to the empty plugin is %s", name, cells[11])
		}
	}
	want := []string{"10 fleet", "10 filter", "10 score", "10 decision", "70 fleet", "70 filter", "70 score", "70 decision"}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s\n%s", diff, out)
	}
	// One byte for each cluster that is not being deleted: 10 of 10 and 68 of 70.
	if got := answered["70 score"] - answered["10 score"]; got != 58 {
		t.Errorf("70 scores take %d bytes more than 10, want 58", got)
	}
	// What is asked in one question comes in one answer, which saves the frame of the other.
	if both, apart := answered["70 decision"], answered["70 filter"]+answered["70 score"]; both >= apart {
		t.Errorf("filter and score take %d bytes together and %d apart", both, apart)
	}
}
