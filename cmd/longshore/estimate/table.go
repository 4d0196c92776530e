package estimate

import (
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// table prints rows whose columns stay aligned with those printed before.
type table struct {
	out io.Writer
	// timed adds a column with the time at which a row is printed.
	timed  bool
	widths []int
	// told is the rows by member as they were printed last, without their ages.
	told map[string]row
}

// row is one member.
type row struct{ member, fit, nodes, age, note string }

func newTable(out io.Writer) *table { return &table{out: out, told: map[string]row{}} }

// print prints all rows.
func (t *table) print(answers []*estimatorv1.MemberAnswers) {
	clear(t.told)
	t.printChanged(answers)
}

// printChanged prints the rows that differ, in more than their age, from what was printed last.
func (t *table) printChanged(answers []*estimatorv1.MemberAnswers) {
	now := time.Now()
	var lines [][]string
	if t.widths == nil && len(answers) > 0 {
		lines = [][]string{t.cells("TIME", row{"MEMBER", "FIT", "NODES", "AGE", "NOTE"})}
	}
	for _, m := range answers {
		r := rowOf(m)
		is := r
		is.age = ""
		if t.told[r.member] == is {
			continue
		}
		t.told[r.member] = is
		lines = append(lines, t.cells(now.Format("15:04:05.000"), r))
	}
	t.write(lines)
}

func (t *table) cells(now string, r row) []string {
	cells := []string{r.member, r.fit, r.nodes, r.age, r.note}
	if t.timed {
		cells = append([]string{now}, cells...)
	}
	return cells
}

func (t *table) write(lines [][]string) {
	for _, cells := range lines {
		for i, cell := range cells {
			if i == len(t.widths) {
				t.widths = append(t.widths, 0)
			}
			t.widths[i] = max(t.widths[i], len(cell))
		}
	}
	for _, cells := range lines {
		var line strings.Builder
		for i, cell := range cells {
			fmt.Fprintf(&line, "%-*s   ", t.widths[i], cell)
		}
		fmt.Fprintln(t.out, strings.TrimRight(line.String(), " "))
	}
}

// rowOf returns the row of a member about which there is one answer.
func rowOf(m *estimatorv1.MemberAnswers) row {
	state := m.GetState()
	r := row{member: state.GetMember(), fit: "-", nodes: "-", age: "-"}
	if len(m.GetAnswers()) == 0 {
		r.note = "the estimator does not answer the question"
		return r
	}
	answer := m.GetAnswers()[0]
	if state.GetAge() != nil {
		r.age = duration.HumanDuration(state.GetAge().AsDuration())
		r.nodes = fmt.Sprintf("%d/%d", state.GetUsableNodes(), state.GetNodes())
	}
	var notes []string
	if answer.GetUnknown() == estimatorv1.Reason_REASON_UNSPECIFIED {
		r.fit = fmt.Sprint(answer.GetSets())
	} else {
		notes = append(notes, answer.GetMessage())
		if answer.Sets != nil {
			notes = append(notes, fmt.Sprintf("%d fitted then", answer.GetSets()))
		}
	}
	if answer.GetAtLeast() {
		notes = append(notes, "at least")
	}
	if quota := answer.GetLimitingQuota(); quota != "" {
		notes = append(notes, "limited by ResourceQuota "+quota)
	}
	if answer.CouldGrowTo != nil {
		notes = append(notes, fmt.Sprintf("could grow to %d", answer.GetCouldGrowTo()))
	}
	r.note = strings.Join(notes, "; ")
	return r
}
