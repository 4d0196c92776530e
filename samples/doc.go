// Package samples holds no code: each folder shows one way to place workloads, in manifests to apply to the control plane.
package samples
