package spread

// buffers is scratch memory that a Solver keeps between calls.
type buffers struct {
	pairs   pairTable
	interim int32
	parent  []int32
	count   []int32
	subs    []int32
	order   []int32
}

// pairTable is a hash table from uint64 to int32 with open addressing that is
// emptied in O(1). Multiplicative hashing: Knuth, TAOCP 3, §6.4.
type pairTable struct {
	slots []pairSlot
	epoch uint32
	used  int
}

type pairSlot struct {
	key   uint64
	value int32
	epoch uint32
}

// reset empties the table and makes room for about n keys.
func (t *pairTable) reset(n int) {
	size := 64
	for size < 2*n && size < 1<<13 {
		size *= 2
	}
	t.used = 0
	if len(t.slots) < size {
		t.slots, t.epoch = make([]pairSlot, size), 1
		return
	}
	if t.epoch++; t.epoch == 0 {
		clear(t.slots)
		t.epoch = 1
	}
}

// lookup returns the value of key, which becomes fresh when there is none.
func (t *pairTable) lookup(key uint64, fresh int32) (int32, bool) {
	if 2*t.used >= len(t.slots) {
		t.grow()
	}
	slot := t.find(key)
	if slot.epoch == t.epoch {
		return slot.value, false
	}
	*slot = pairSlot{key, fresh, t.epoch}
	t.used++
	return fresh, true
}

func (t *pairTable) find(key uint64) *pairSlot {
	mask := uint64(len(t.slots) - 1)
	at := (key * 0x9E3779B97F4A7C15) >> 32 & mask
	for t.slots[at].epoch == t.epoch && t.slots[at].key != key {
		at = (at + 1) & mask
	}
	return &t.slots[at]
}

func (t *pairTable) grow() {
	old, epoch := t.slots, t.epoch
	t.slots, t.epoch = make([]pairSlot, 2*len(old)), 1
	for _, s := range old {
		if s.epoch == epoch {
			*t.find(s.key) = pairSlot{s.key, s.value, 1}
		}
	}
}

// frontTable finds the front of a signature; the signatures themselves lie in
// the labels.
type frontTable struct {
	slots []frontSlot
	epoch uint32
	used  int
}

type frontSlot struct {
	head  int32 // newest label of the front
	epoch uint32
}

func (t *frontTable) reset(n int) {
	size := 64
	for size < 2*n {
		size *= 2
	}
	t.used = 0
	if len(t.slots) < size {
		t.slots, t.epoch = make([]frontSlot, size), 1
		return
	}
	if t.epoch++; t.epoch == 0 {
		clear(t.slots)
		t.epoch = 1
	}
}

// find returns the slot of a signature: its own, or a free one.
func (t *frontTable) find(sign, signs []uint64) *frontSlot {
	w := len(sign)
	hash := uint64(0)
	for _, x := range sign {
		hash = (hash ^ x) * 0x9E3779B97F4A7C15
		hash ^= hash >> 29
	}
	mask := uint64(len(t.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		slot := &t.slots[at]
		if slot.epoch != t.epoch || equalWords(sign, signs[int(slot.head)*w:]) {
			return slot
		}
	}
}

func equalWords(a, b []uint64) bool {
	for i, x := range a {
		if b[i] != x {
			return false
		}
	}
	return true
}

// front returns the newest label of a slot, or -1.
func (t *frontTable) front(slot *frontSlot) int32 {
	if slot.epoch != t.epoch {
		return -1
	}
	return slot.head
}

// put makes label the newest of slot. The slot is not valid afterwards.
func (t *frontTable) put(slot *frontSlot, label int32, signs []uint64, w int) {
	if slot.epoch != t.epoch {
		t.used++
	}
	*slot = frontSlot{label, t.epoch}
	if 2*t.used <= len(t.slots) {
		return
	}
	old, epoch := t.slots, t.epoch
	t.slots, t.epoch = make([]frontSlot, 2*len(old)), 1
	for _, s := range old {
		if s.epoch == epoch {
			*t.find(signs[int(s.head)*w:int(s.head+1)*w], signs) = frontSlot{s.head, 1}
		}
	}
}
