// Package kube turns Kubernetes objects into what package fit counts: amounts of resources, and which nodes a pod may use. It decides as
// kube-scheduler does, with the same library (k8s.io/component-helpers), and is pure.
package kube
