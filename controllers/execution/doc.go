// Package execution brings the manifests of Works into members and their state back into Work.status.
//
// Each member has an actor with its own queue and workers. A Work is handled in one pass: read Work and member objects from caches, send
// what differs, write Work.status once if it changed.
//
//	Work event ─────────────┐
//	member object changed ──┼─► queue of the member ──► pass ──► create/update/delete in the member
//	member became ready ────┘                            └────► Work.status (conditions and manifestStatuses together)
//
// Two delays save writes. Changes of nothing but a member object's status wait for Window and are then reflected together; drift of anything
// else is reverted at once. A pass that sent something does not write Work.status: the pass after Window does, and so records the acceptance
// and the first state with one write. Refusals are recorded at once.
package execution
