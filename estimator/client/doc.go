// Package client asks estimators how many replicas fit in members, and which replicas found no node.
//
// Each estimator has one goroutine that asks it, one call at a time: questions that come up meanwhile go together into the next call. Decisions
// read what is known and wait, within a budget, only for an estimator that is expected to answer:
//
//	        ┌──────── answers ────────┐
//	        ▼                         │
//	up ──overran a budget──► late ────┘        late, down: no decision waits
//	 ▲ └──────call failed──► down ──pause──► one call ──fails──► down, for twice as long
//	 └──────────────────────────answers───────────┘
//
// An estimator of one member is left when Retain tells that the member is gone, or when it fails and nobody has asked for it for some minutes.
//
// Answers are kept by member and by shape of the question. With Longshore's estimators they stay true as long as the member's generation is the
// same, which a watch and regular calls without questions tell; with Karmada's every answer is asked for again. An answer that is older than
// the lifetime counts no more, whatever became of its estimator: for this member, and no other, the caller is told that nothing is known and
// why.
package client
