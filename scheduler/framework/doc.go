// Package framework is the vocabulary of a scheduling decision: what is asked (Request), over what (Snapshot), by whom (the plugin
// interfaces Filter, Score, Estimate, Select and Assign) and what came out (Decision).
//
// Everything here is a value or a pure function. The package imports the standard library only, so a plugin can be written against it
// without pulling in a Kubernetes library. Status and Code carry the names and values of kube-scheduler's types of the same names.
//
// Clusters are addressed by row: the dense index of a cluster in one Snapshot, in ascending order of name. A row means nothing without its
// snapshot. Sets of clusters are Bitsets over rows, and a filter is a little algebra on them.
package framework
