package client

import (
	"maps"
	"slices"
	"time"

	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// questionsKept bounds the questions whose answers are kept and renewed. A fleet has far fewer different shapes that are being placed at a time;
// of more, those are forgotten that were not asked for longest.
const questionsKept = 256

// book is the questions by shape.
type book struct {
	questions map[string]*question
	// clock orders the questions by when they were asked last.
	clock uint64
	// forgot means that questions were dropped to whose answers somebody may still hold on.
	forgot bool
}

func newBook() book { return book{questions: map[string]*question{}} }

// question is one shape and what is known about it.
type question struct {
	shape string
	batch *estimatorv1.Question
	// request is where the shape came from.
	request *framework.Request
	answers map[answerKey]answer
	touched uint64
	// asked is who was asked, or is going to be.
	asked map[*endpoint]bool
	// read means that somebody was told answers and is to hear of changes.
	read bool
}

// answerKey is who answered about which member.
type answerKey struct {
	from   *endpoint
	member string
}

// answer is how many sets fit in one member.
type answer struct {
	sets int64
	// atLeast, growTo, canGrow and quota are those of accurateestimate.Answer.
	atLeast bool
	growTo  int64
	canGrow bool
	quota   string
	// missing says why that is not known; empty if it is.
	missing string
	// at is when it was true. It still is as long as the member has this generation of this instance.
	at                   time.Time
	generation, instance uint64
}

// question returns the entry of the request's shape.
func (b *book) question(r *framework.Request) *question {
	shape := r.PodShape()
	b.clock++
	q, ok := b.questions[shape]
	if !ok {
		if len(b.questions) >= questionsKept {
			b.forgetOldest()
		}
		q = &question{shape: shape, batch: ToQuestion(r), request: r, answers: map[answerKey]answer{}, asked: map[*endpoint]bool{}}
		b.questions[shape] = q
	}
	q.touched = b.clock
	return q
}

func (b *book) forgetOldest() {
	var oldest *question
	for _, q := range b.questions {
		if oldest == nil || q.touched < oldest.touched {
			oldest = q
		}
	}
	delete(b.questions, oldest.shape)
	b.forgot = b.forgot || oldest.read
}

// all returns the questions in no order.
func (b *book) all() []*question { return slices.Collect(maps.Values(b.questions)) }

// fresh reports whether the endpoint's answer about the member counts.
func (q *question) fresh(e *endpoint, member string, now time.Time, lifetime time.Duration) bool {
	a, ok := q.answers[answerKey{e, member}]
	return ok && now.Sub(e.at(member, &a)) <= lifetime
}

// put takes over an answer and reports whether it differs from what was known, and whether more fits.
func (q *question) put(key answerKey, a answer) (changed, roomier bool) {
	old, had := q.answers[key]
	q.answers[key] = a
	was, is := had && old.missing == "", a.missing == ""
	if was == is && (!is || old.says(&a)) && had {
		return false, false
	}
	return true, is && max(a.sets, a.growTo) > 0 && (!was || a.sets > old.sets || a.growTo > old.growTo)
}

// says reports whether two known answers are the same but for their age.
func (a *answer) says(b *answer) bool {
	return a.sets == b.sets && a.atLeast == b.atLeast && a.growTo == b.growTo && a.canGrow == b.canGrow && a.quota == b.quota
}
