package main

import (
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
)

// estimatorFlags are Karmada's flags, short for a section estimators of the profile.
type estimatorFlags struct {
	enabled, skipPull         bool
	timeout                   time.Duration
	port                      int32
	prefix                    string
	caFile, certFile, keyFile string
}

// section returns what the flags stand for, nil unless they are switched on. As Karmada does, the lower of both estimates counts and, without a
// CA, any server is trusted.
func (f *estimatorFlags) section() *schedulerv1alpha1.Estimators {
	if !f.enabled {
		return nil
	}
	return &schedulerv1alpha1.Estimators{
		Deadline: metav1.Duration{Duration: f.timeout}, Merge: schedulerv1alpha1.MergeMin, SkipPullMembers: f.skipPull,
		Servers: []schedulerv1alpha1.EstimatorServer{{
			Service: &schedulerv1alpha1.EstimatorService{Prefix: f.prefix, Port: f.port},
			TLS: &schedulerv1alpha1.EstimatorTLS{
				CAFile: f.caFile, CertFile: f.certFile, KeyFile: f.keyFile, InsecureSkipVerify: f.caFile == "",
			},
		}},
	}
}

func (f *estimatorFlags) validate(config string) error {
	switch {
	case f.enabled && config != "":
		return errors.New("--enable-scheduler-estimator and --config exclude each other: write estimators into the profiles of the file")
	case f.skipPull && config != "":
		return errors.New("--disable-scheduler-estimator-in-pull-mode and --config exclude each other: write skipPullMembers: true into the estimators of the file")
	case (f.certFile == "") != (f.keyFile == ""):
		return errors.New("--scheduler-estimator-cert-file and --scheduler-estimator-key-file go together: give both or neither")
	case f.timeout <= 0 || f.port < 1 || f.port > 65535 || f.prefix == "":
		return errors.New("--scheduler-estimator-timeout must be above zero, --scheduler-estimator-port 1 to 65535, and --scheduler-estimator-service-prefix not empty")
	}
	return nil
}
