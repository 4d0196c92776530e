// Package apis registers every API kind of the control plane that this module defines.
package apis

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"

	appsv1alpha1 "github.com/longshore-project/longshore/apis/apps/v1alpha1"
	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	configv1alpha1 "github.com/longshore-project/longshore/apis/config/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

var schemeBuilder = runtime.NewSchemeBuilder(
	appsv1alpha1.AddToScheme,
	clusterv1alpha1.AddToScheme,
	configv1alpha1.AddToScheme,
	policyv1alpha1.AddToScheme,
	workv1alpha1.AddToScheme,
	workv1alpha2.AddToScheme,
)

// AddToScheme registers every kind of every group. It may be called twice for one scheme. It returns an error only if the scheme already
// knows another Go type under the name of one of the kinds.
func AddToScheme(scheme *runtime.Scheme) error {
	if err := schemeBuilder.AddToScheme(scheme); err != nil {
		return fmt.Errorf("registering the API kinds: %w", err)
	}
	return nil
}

// NewScheme returns a scheme that knows this module's kinds and nothing else. The caller owns it and may register more.
func NewScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	if err := AddToScheme(scheme); err != nil {
		panic(err) // An empty scheme cannot conflict: two of our own kinds would have to share a name.
	}
	return scheme
}
