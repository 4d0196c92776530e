package v1alpha1

// ImpersonatorSecretName returns the name of the Secret that spec.impersonatorSecretRef of a Cluster refers to.
func ImpersonatorSecretName(cluster string) string {
	return cluster + "-impersonator"
}
