package arguments

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type sample struct {
	Label  string           `json:"label"`
	On     bool             `json:"on"`
	Scores map[string]int64 `json:"scores"`
	List   []struct {
		Name   string `json:"name"`
		Weight *int64 `json:"weight"`
	} `json:"list"`
}

func TestDecode(t *testing.T) {
	var got sample
	text := `{"label": "x", "on": true, "scores": {"a.b/c": 7}, "list": [{"name": "n", "weight": 0}, {"name": null}]}`
	if err := Decode([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	want := sample{Label: "x", On: true, Scores: map[string]int64{"a.b/c": 7}}
	want.List = append(want.List, got.List...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	if len(got.List) != 2 || got.List[0].Weight == nil || *got.List[0].Weight != 0 || got.List[1].Weight != nil {
		t.Errorf("list is %+v, want a weight of 0 and one that was left out", got.List)
	}
}

func TestDecodeTellsEveryFault(t *testing.T) {
	text := `{"label": 7, "on": "true", "scores": {"a": 1.5, "b": "2", "c": 3}, "list": [{"weight": 99999999999999999999, "wieght": 1}, 4], "more": {}}`
	var got sample
	err := Decode([]byte(text), &got)
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		`label: "7" is not a string`,
		`list[0].weight: "99999999999999999999" is not a whole number`,
		`list[0].wieght: unknown argument; known are name, weight`,
		`list[1]: "4" is not a map`,
		`more: unknown argument; known are label, list, on, scores`,
		`on: "true" is not true or false`,
		`scores.a: "1.5" is not a whole number`,
		`scores.b: "2" is not a whole number`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if got.Scores["c"] != 3 {
		t.Error("what is right was not stored")
	}
}

func TestDecodeWrongShapes(t *testing.T) {
	for text, want := range map[string]string{
		`[1]`: "a list is not a map", `{"list": {}}`: "list: a map is not a list", `{"scores": []}`: "scores: a list is not a map",
		`{`: "reading arguments: unexpected EOF",
	} {
		if err := Decode([]byte(text), &sample{}); err == nil || err.Error() != want {
			t.Errorf("%s: error is %v, want %s", text, err, want)
		}
	}
}
