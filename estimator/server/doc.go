// Package server answers, over gRPC, how many copies fit in members. It observes each member with watches of its own and answers from what it has
// observed, never by asking the member: one that hangs or is gone delays no answer, spoils none about another member, and becomes unknown itself
// once it was silent for too long.
//
//	      Observe                    all four lists complete
//	none ─────────► not synced ───────────────────────────► known ──silent──► stale
//	                (unknown)                                 ▲                  │
//	                                                          └────heard again───┘
package server
