// Package externalname finds the hosts to which Services of type ExternalName lead.
package externalname

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/longshore-project/longshore/estimator/client"
)

// Hosts returns how to find the host of an estimator's Service, which get reads. A Service that does not exist has none; one of another type is
// an error.
func Hosts(get func(ctx context.Context, namespace, name string) (*corev1.Service, error)) client.ExternalHost {
	return func(ctx context.Context, namespace, name string) (string, error) {
		service, err := get(ctx, namespace, name)
		switch {
		case apierrors.IsNotFound(err):
			return "", nil
		case err != nil:
			return "", fmt.Errorf("looking up the Service of an estimator: %w", err)
		case service.Spec.Type != corev1.ServiceTypeExternalName:
			return "", fmt.Errorf("the Service %s/%s of an estimator is of type %s: make it ExternalName", namespace, name, service.Spec.Type)
		}
		return service.Spec.ExternalName, nil
	}
}
