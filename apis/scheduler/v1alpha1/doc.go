// Package v1alpha1 holds the configuration file of longshore-scheduler: its kind, its defaults and its strict decoding. The kind lives in
// files only and is not served by any API server.
//
// +kubebuilder:object:generate=true
// +groupName=scheduler.longshore.dev
package v1alpha1
