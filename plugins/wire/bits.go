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
	var last [wordBytes]byte
	for i := 0; i < len(data); i += wordBytes {
		copy(last[:], "\x00\x00\x00\x00\x00\x00\x00\x00")
		copy(last[:], data[i:])
		word := binary.LittleEndian.Uint64(last[:])
		if i/wordBytes < len(out) {
			out[i/wordBytes] = word
		} else if word != 0 {
			return nil, fmt.Errorf("set names a cluster at or behind row %d, but there are %d clusters", i*8, n)
		}
	}
	if tail := n % (wordBytes * 8); tail != 0 && out[len(out)-1]>>tail != 0 {
		return nil, fmt.Errorf("set names a cluster behind the last of %d", n)
	}
	return out, nil
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
