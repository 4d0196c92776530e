package join

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// CheckName refuses what cannot be the name of a Cluster.
func CheckName(name string) error {
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		return fmt.Errorf("%q cannot be the name of a cluster: use lower case letters, digits and '-', beginning and ending with a letter or digit", name)
	}
	if len(name) > clusterv1alpha1.MaxNameLength {
		return fmt.Errorf("cluster name %q has %d characters: at most %d are allowed, because it becomes part of a namespace", name, len(name), clusterv1alpha1.MaxNameLength)
	}
	return nil
}

// checkLocation refuses what the Cluster could not hold.
func (r *Registration) checkLocation() error {
	var errs []error
	check := func(flag, value string) {
		if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
			errs = append(errs, fmt.Errorf("--%s %q is not a valid label value: %s", flag, value, strings.Join(problems, "; ")))
		}
	}
	check("cluster-provider", r.Provider)
	check("cluster-region", r.Region)
	for _, zone := range r.Zones {
		if zone == "" {
			errs = append(errs, errors.New("--cluster-zones names an empty zone: remove the extra comma"))
			continue
		}
		check("cluster-zones", zone)
	}
	return errors.Join(errs...)
}

// checkFleet refuses a member that the fleet knows under another name, and a name that belongs to another member. Existing is the Cluster
// that this join would update, nil for a new one.
func (r *Registration) checkFleet(fleet []clusterv1alpha1.Cluster) (existing *clusterv1alpha1.Cluster, err error) {
	for i := range fleet {
		c := &fleet[i]
		if c.Name == r.Name {
			existing = c
			continue
		}
		if c.Spec.ID == r.ID {
			return nil, fmt.Errorf("this cluster is joined already, as %q (id %s): unjoin %s first if it shall have another name", c.Name, c.Spec.ID, c.Name)
		}
	}
	if existing == nil {
		return nil, nil
	}
	return existing, r.checkExisting(existing)
}

func (r *Registration) checkExisting(c *clusterv1alpha1.Cluster) error {
	switch {
	case c.DeletionTimestamp != nil:
		return fmt.Errorf("cluster %q is being removed: wait until 'kubectl get cluster %s' no longer finds it", c.Name, c.Name)
	case c.Spec.ID != "" && c.Spec.ID != r.ID, c.Spec.ID == "" && c.Spec.APIEndpoint != r.Endpoint:
		return fmt.Errorf("another cluster is joined as %q (%s, id %s): choose another name, or unjoin %s first", c.Name, c.Spec.APIEndpoint, c.Spec.ID, c.Name)
	case c.Spec.SyncMode == clusterv1alpha1.Pull:
		return fmt.Errorf("cluster %q was registered by an agent in the member (sync mode Pull): remove the agent and unjoin %s first", c.Name, c.Name)
	}
	return nil
}
