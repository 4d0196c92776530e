package connect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
)

// Explain adds to an error of a request what it means for this side and what to do about it. The error stays in the chain. Nil and errors
// with no better explanation come back as they are.
func (s *Source) Explain(err error) error {
	if err == nil {
		return nil
	}
	var (
		certificate *tls.CertificateVerificationError
		network     *net.OpError
		request     *url.Error
	)
	switch {
	case meta.IsNoMatchError(err):
		return fmt.Errorf("the %s does not serve the kinds of Longshore (%w): install them with 'kubectl apply --server-side -f apis/crds'", s.Role, err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the %s refuses the credentials (%w): name a kubeconfig with valid ones by --%s", s.Role, err, s.fileFlag)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("no permission in the %s: %w; use a kubeconfig of a cluster administrator with --%s", s.Role, err, s.fileFlag)
	case errors.As(err, &certificate):
		return fmt.Errorf("the %s shows a certificate that is not trusted: %w; check server and certificate-authority-data in its kubeconfig", s.Role, err)
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &network), errors.As(err, &request), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer from the %s: %w; check that it runs and that --%s and --%s name the right cluster", s.Role, err, s.fileFlag, s.contextFlag)
	}
	return err
}
