package local

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPlainProgressPrintsStepsAndRareTicks(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	p := &lines{w: &out, now: func() time.Time { return now }, ticked: map[string]time.Time{}}
	p.Step("localkube", "building: 0 of 900 packages")
	for i := range 40 { // a tick per second
		now = now.Add(time.Second)
		p.Tick("localkube", "building: "+string(rune('a'+i%26)))
	}
	p.Step("member1", "ready")
	want := "localkube: building: 0 of 900 packages\nlocalkube: building: o\nlocalkube: building: d\nmember1: ready\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestScreenRedrawsTheRowOfItsSubject(t *testing.T) {
	var out bytes.Buffer
	p := &screen{w: &out, width: func() int { return 31 }, rows: map[string]int{}}
	p.Step("member1", "starting")
	p.Step("member2", "starting")
	p.Tick("member1", "a text that is longer than the line")
	p.Step("member2", "ready")
	want := "member1         starting\n" +
		"member2         starting\n" +
		"\x1b[2A\r\x1b[Kmember1         a text that i…\x1b[2B\r" +
		"\x1b[1A\r\x1b[Kmember2         ready\x1b[1B\r"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestNewProgressIsPlainForAFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, plain := NewProgress(f).(*lines); !plain {
		t.Error("a file gets the progress of a terminal")
	}
}
