package loop

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"k8s.io/apimachinery/pkg/runtime"
)

// lineFramer takes a watch apart at its line ends, without reading what stands between them: an API server writes one event a line, and JSON has no line
// end in a string. From the first line on that is not an event in the usual form everything goes the long way.
type lineFramer struct{ runtime.Framer }

// NewFrameReader implements runtime.Framer.
func (f lineFramer) NewFrameReader(r io.ReadCloser) io.ReadCloser {
	return &lineReader{Closer: r, lines: bufio.NewReader(r), framer: f.Framer}
}

type lineReader struct {
	io.Closer
	lines  *bufio.Reader
	framer runtime.Framer
	// frame is the event that is being handed over, pending the part of it that did not fit yet.
	frame, pending []byte
	// long reads the rest the long way; nil as long as the short one will do.
	long io.ReadCloser
}

// Read implements io.Reader: it reads one event, or the next part of one after it has returned io.ErrShortBuffer.
func (r *lineReader) Read(into []byte) (int, error) {
	if r.long != nil {
		return r.long.Read(into)
	}
	if len(r.pending) == 0 {
		err := r.next()
		if len(r.frame) > 0 && !isEvent(r.frame) {
			r.long = r.framer.NewFrameReader(io.NopCloser(io.MultiReader(bytes.NewReader(r.frame), r.lines)))
			return r.long.Read(into)
		}
		if err != nil && len(r.frame) == 0 {
			return 0, err
		}
		r.pending = r.frame
	}
	n := copy(into, r.pending)
	if r.pending = r.pending[n:]; len(r.pending) > 0 {
		return n, io.ErrShortBuffer
	}
	return n, nil
}

// next reads a line into the frame.
func (r *lineReader) next() error {
	r.frame = r.frame[:0]
	for {
		part, err := r.lines.ReadSlice('\n')
		r.frame = append(r.frame, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// isEvent reports whether the line is one whole event in the usual form.
func isEvent(line []byte) bool {
	return bytes.HasPrefix(line, []byte(eventBegins)) && bytes.HasSuffix(line, []byte("}}\n"))
}
