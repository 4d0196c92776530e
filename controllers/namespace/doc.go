// Package namespace brings the namespaces of the control plane into every member.
//
// The unit of work is a pair (namespace, cluster): a new member enqueues as many pairs as there are namespaces, a new namespace as many as
// there are members, and each pair is one look into caches and at most one write of a Work.
//
// A Work belongs to its Namespace and goes with it, by garbage collection. A namespace that a member had before is not taken over unless the
// template asks for it with annotation work.karmada.io/conflict-resolution: overwrite; workloads land in it all the same, and it survives
// the deletion of the template.
package namespace
