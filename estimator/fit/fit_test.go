package fit

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/scheduler/framework"
)

var resourceNames = []string{"cpu", "memory", "ephemeral-storage", "example.com/gpu"}

// instance is a room with the amounts it was made of.
type instance struct {
	room   *Room
	free   []map[string]int64 // by row
	places []int64
}

func drawInstance(t *rapid.T, rows int, most int64) instance {
	in := instance{room: NewRoom()}
	for range rows {
		free := map[string]int64{}
		for _, name := range resourceNames {
			if rapid.IntRange(0, 3).Draw(t, "has") > 0 {
				free[name] = rapid.Int64Range(-2, most).Draw(t, name)
			}
		}
		places := rapid.Int64Range(-1, most).Draw(t, "places")
		row := in.room.AddRow()
		give(in.room, row, free)
		in.room.Give(row, nil, places)
		in.free, in.places = append(in.free, free), append(in.places, places)
	}
	return in
}

// give makes amounts free, negative ones too.
func give(room *Room, row int, free map[string]int64) {
	for name, amount := range free {
		if amount >= 0 {
			room.Give(row, room.Need(map[string]int64{name: amount}), 0)
		} else {
			room.Take(row, room.Need(map[string]int64{name: -amount}), 0)
		}
	}
}

func drawRequests(t *rapid.T, most int64) map[string]int64 {
	requests := map[string]int64{}
	for _, name := range resourceNames {
		if rapid.Bool().Draw(t, "asks") {
			requests[name] = rapid.Int64Range(0, most).Draw(t, "for "+name)
		}
	}
	return requests
}

func drawUsable(t *rapid.T, rows int) framework.Bitset {
	usable := framework.NewBitset(rows)
	for row := range rows {
		if rapid.IntRange(0, 3).Draw(t, "usable") > 0 {
			usable.Set(row)
		}
	}
	return usable
}

// place puts one replica on a row if it fits there, by the definition.
func (in *instance) place(row int, requests map[string]int64) bool {
	if in.places[row] < 1 {
		return false
	}
	for name, amount := range requests {
		if amount > 0 && in.free[row][name] < amount {
			return false
		}
	}
	in.move(row, requests, -1)
	return true
}

func (in *instance) move(row int, requests map[string]int64, factor int64) {
	in.places[row] += factor
	for name, amount := range requests {
		in.free[row][name] += factor * amount
	}
}

// Copies equals what is counted by placing one copy after the other until none fits.
func copiesProperty(t *rapid.T) {
	rows := rapid.IntRange(0, 70).Draw(t, "rows")
	in := drawInstance(t, rows, 9)
	requests, usable := drawRequests(t, 4), drawUsable(t, rows)
	got := in.room.Copies(in.room.Need(requests), usable)
	want := int64(0)
	for row := range rows {
		for usable.Has(row) && in.place(row, requests) {
			want++
		}
	}
	if got != want {
		t.Fatalf("%d copies of %v, placing one by one gives %d", got, requests, want)
	}
}

func TestCopies(t *testing.T) { rapid.Check(t, copiesProperty) }
func FuzzCopies(f *testing.F) { f.Fuzz(rapid.MakeFuzz(copiesProperty)) }

type asked struct {
	requests map[string]int64
	usable   framework.Bitset
	replicas int64
}

// packs tries every row for every replica of k sets.
func (in *instance) packs(parts []asked, k int64) bool {
	var place func(part int, placed int64, from int) bool
	place = func(part int, placed int64, from int) bool {
		if part == len(parts) {
			return true
		}
		if placed == parts[part].replicas*k {
			return place(part+1, 0, 0)
		}
		for row := from; row < len(in.free); row++ { // Replicas of a part are alike, so their rows may ascend.
			if !parts[part].usable.Has(row) || !in.place(row, parts[part].requests) {
				continue
			}
			found := place(part, placed+1, row)
			in.move(row, parts[part].requests, 1)
			if found {
				return true
			}
		}
		return false
	}
	return place(0, 0, 0)
}

func drawParts(t *rapid.T, rows int, parts int) []asked {
	out := make([]asked, parts)
	for i := range out {
		out[i] = asked{requests: drawRequests(t, 4), usable: drawUsable(t, rows), replicas: rapid.Int64Range(0, 3).Draw(t, "replicas")}
	}
	return out
}

func (in *instance) components(parts []asked) []Component {
	out := make([]Component, len(parts))
	for i, p := range parts {
		out[i] = Component{Need: in.room.Need(p.requests), Usable: p.usable, Replicas: p.replicas}
	}
	return out
}

func (in *instance) rows() []int32 {
	rows := make([]int32, in.room.Rows())
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// Sets equals what trying every placement gives, and is exact for everything that small.
func setsProperty(t *rapid.T) {
	rows := rapid.IntRange(0, 4).Draw(t, "rows")
	in := drawInstance(t, rows, 5)
	parts := drawParts(t, rows, rapid.IntRange(0, 3).Draw(t, "parts"))
	before := in.room.Clone()
	got := in.room.Sets(in.components(parts), in.rows())
	if !got.Exact {
		t.Fatalf("%d sets, not exact", got.Sets)
	}
	want, total := int64(0), int64(0)
	for _, p := range parts {
		total += p.replicas
	}
	for total > 0 && in.packs(parts, want+1) {
		want++
	}
	if got.Sets != want {
		t.Fatalf("%d sets, trying every placement gives %d", got.Sets, want)
	}
	for row := range rows {
		for column := range before.free {
			if before.freeAt(int32(column), row) != in.room.freeAt(int32(column), row) {
				t.Fatal("the question changed the room")
			}
		}
	}
}

func TestSets(t *testing.T) { rapid.Check(t, setsProperty) }
func FuzzSets(f *testing.F) { f.Fuzz(rapid.MakeFuzz(setsProperty)) }

// packsAfresh reports whether the dynamic program, which TestSets holds against trying everything, places k sets within the steps of one question.
func (p *packing) packsAfresh(k int64) bool {
	steps, own := int64(ExactSteps), *p
	own.room = p.room.Clone()
	fits, finished := own.packs(k, &steps)
	return fits && finished
}

// Of large questions the answer is sound: so many sets can be placed, and one that claims to be exact is not beaten by another order of rows.
func TestLargeSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(20, 60).Draw(t, "rows")
		in := drawInstance(t, rows, 1000)
		parts := drawParts(t, rows, 3)
		components, order := in.components(parts), in.rows()
		got := in.room.Sets(components, order)
		p := newPacking(in.room, merge(components), order)
		if len(p.components) < 2 {
			t.Skip("one component is tested above")
		}
		if upper := p.upperBound(); got.Sets > upper || p.placeable(upper) < got.Sets && !p.packsAfresh(got.Sets) {
			t.Fatalf("no placement is known for the %d sets that are claimed, of at most %d", got.Sets, upper)
		}
		for i, j := 0, len(order)-1; i < j; i, j = i+1, j-1 {
			order[i], order[j] = order[j], order[i]
		}
		again := in.room.Sets(components, order)
		if got.Exact && again.Sets > got.Sets || got.Exact && again.Exact && again.Sets != got.Sets {
			t.Fatalf("%+v, and with the rows reversed %+v", got, again)
		}
	})
}

// A question beyond the limit says so instead of taking long. 300 nodes of 10 units and sets of a 7 and three 4s: a node holds a 7 or two
// 4s, which no sum of resources tells.
func TestSetsBeyondTheLimit(t *testing.T) {
	room, rows := NewRoom(), []int32{}
	for range 3000 {
		row := room.AddRow()
		room.Give(row, room.Need(map[string]int64{"cpu": 10}), 110)
		rows = append(rows, int32(row))
	}
	all := framework.FullBitset(3000)
	got := room.Sets([]Component{
		{Need: room.Need(map[string]int64{"cpu": 7}), Usable: all, Replicas: 1},
		{Need: room.Need(map[string]int64{"cpu": 4}), Usable: all, Replicas: 3},
	}, rows)
	if got.Exact || got.Sets != 1200 {
		t.Errorf("%+v, want the 1200 sets that need 1200 nodes for the 7s and 1800 for the 3600 4s, not known to be exact", got)
	}
}

func TestOccupy(t *testing.T) {
	room := NewRoom()
	for range 3 {
		room.Give(room.AddRow(), room.Need(map[string]int64{"cpu": 4}), 2)
	}
	usable := framework.NewBitset(3)
	usable.Set(0)
	usable.Set(2)
	one := room.Need(map[string]int64{"cpu": 1})
	placed := room.Occupy([]Component{{Need: one, Usable: usable, Replicas: 9}, {Need: one, Usable: framework.FullBitset(3), Replicas: 1}}, []int32{2, 1, 0})
	if placed[0] != 4 || placed[1] != 1 {
		t.Errorf("placed %v, want the 4 places of rows 0 and 2, and 1 of row 1", placed)
	}
	if left := room.Copies(one, framework.FullBitset(3)); left != 1 {
		t.Errorf("%d copies fit after that, want 1", left)
	}
}
