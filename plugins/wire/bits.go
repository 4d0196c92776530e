package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/longshore-project/longshore/scheduler/framework"
)

const wordBytes = 8

// FromBitset returns the bytes of the set, without zero bytes at the end: nil for the empty set.
func FromBitset(b framework.Bitset) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	if len(b) == 0 {
		return nil
	}
	out := make([]byte, 0, len(b)*wordBytes)
	for _, w := range b {
		out = binary.LittleEndian.AppendUint64(out, w)
	}
	for out[len(out)-1] == 0 {
		out = out[:len(out)-1]
	}
	return out
}

// ToBitset returns the set of rows below n that the bytes describe. It is an error when they name another row.
func ToBitset(data []byte, n int) (framework.Bitset, error) {
	out := framework.NewBitset(n)
	for i := 0; len(data) > 0; i++ {
		var word uint64
		if word, data = nextWord(data); word == 0 {
			continue
		}
		if i >= len(out) {
			return nil, fmt.Errorf("set names a cluster at or behind row %d, but there are %d clusters", i*wordBytes*8, n)
		}
		out[i] = word
	}
	if tail := n % (wordBytes * 8); tail != 0 && out[len(out)-1]>>tail != 0 {
		return nil, fmt.Errorf("set names a cluster behind the last of %d", n)
	}
	return out, nil
}

// nextWord takes up to eight bytes, as if zeros followed the last.
func nextWord(data []byte) (word uint64, rest []byte) {
	if len(data) >= wordBytes {
		return binary.LittleEndian.Uint64(data), data[wordBytes:]
	}
	for i, b := range data {
		word |= uint64(b) << (8 * i)
	}
	return word, nil
}

// FromRows returns the wire form of rows.
func FromRows(rows []int32) []uint32 {
	out := make([]uint32, len(rows))
	for i, row := range rows {
		out[i] = clamp32(row)
	}
	return out
}

// ToRows returns the rows, all of which must be below n.
func ToRows(rows []uint32, n int) ([]int32, error) {
	out := make([]int32, len(rows))
	for i, row := range rows {
		if int64(row) >= int64(n) {
			return nil, fmt.Errorf("row %d is behind the last of %d clusters", row, n)
		}
		out[i] = int32(row)
	}
	return out, nil
}
