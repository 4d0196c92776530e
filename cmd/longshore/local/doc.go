// Package local runs whole Kubernetes clusters on this machine, without containers: a control plane and members with simulated nodes,
// for trying Longshore out and for tests.
//
// Every component is a real process on 127.0.0.1 with TLS. The components are etcd, kube-apiserver, kube-scheduler, the workload
// controllers and kwok. They are taken from KUBEBUILDER_ASSETS and PATH when all that are needed are there; otherwise one program,
// localkube, which can act as each of them, is built from source once and kept in the user's cache directory.
//
// A folder holds everything about a set of clusters:
//
//	state.json                what runs: process ids, ports, versions
//	kubeconfig                one context per cluster
//	NAME.kubeconfig           the same for one cluster
//	NAME/pki NAME/data NAME/logs
package local
