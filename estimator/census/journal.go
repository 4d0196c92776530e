package census

// journal lists the rows that changed, in order. Readers remember a position and ask for what came after it. Old entries are dropped: a reader
// that stopped before them starts over. The zero value is empty.
type journal struct {
	base uint64 // position of rows[0]
	rows []int32
}

// keep returns how many entries are worth reading rather than looking at every row.
func keep(rows int) int { return rows + 1024 }

// note appends row of so many.
func (j *journal) note(row int32, rows int) {
	if len(j.rows) >= 2*keep(rows) {
		drop := len(j.rows) - keep(rows)
		j.base += uint64(drop)
		j.rows = append(j.rows[:0], j.rows[drop:]...)
	}
	j.rows = append(j.rows, row)
}

// end is the position after the newest entry.
func (j *journal) end() uint64 { return j.base + uint64(len(j.rows)) }

// since returns the entries after position, or false if some of them were dropped.
func (j *journal) since(position uint64) ([]int32, bool) {
	if position < j.base {
		return nil, false
	}
	return j.rows[position-j.base:], true
}
