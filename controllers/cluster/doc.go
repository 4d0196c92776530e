// Package cluster owns the life of Cluster objects: execution namespace and finalizer when a member joins, taints while it is not ready,
// and an orderly departure.
//
//	created ──► finalizer and taint (one write), execution namespace ──► in use
//	deleted ──► execution namespace deleted ──► Works gone, and with them the member's objects ──► no binding lists it ──► finalizer off
//
// spec.resourceModels of a Cluster that has none stays empty: package clusterstatus then counts nodes by DefaultResourceModels, and the scheduler
// takes the sums over all nodes. Writing the default would cost a second write for every member that joins with its finalizer in place, and freeze
// today's default for ever.
package cluster
