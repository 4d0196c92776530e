package v1alpha1

import (
	"cmp"
	"time"

	"k8s.io/utils/ptr"
)

// Defaults of the configuration.
const (
	// DefaultSchedulerName is the profile of bindings that name no scheduler.
	DefaultSchedulerName = "default-scheduler"
	// DefaultDeadline bounds a call of an external plugin.
	DefaultDeadline = time.Second
	// DefaultStartTimeout bounds the start of an external plugin.
	DefaultStartTimeout = 10 * time.Second
)

// SetDefaults fills in what the file leaves out. Doing so twice changes nothing.
func SetDefaults(c *SchedulerConfiguration) {
	if len(c.Profiles) == 0 {
		c.Profiles = []SchedulerProfile{{}}
	}
	for i := range c.Profiles {
		p := &c.Profiles[i]
		p.SchedulerName = cmp.Or(p.SchedulerName, DefaultSchedulerName)
		if p.Reservations.Enabled == nil {
			p.Reservations.Enabled = ptr.To(true)
		}
		if p.Estimators != nil {
			SetEstimatorDefaults(p.Estimators)
		}
		setPluginDefaults(p.ExternalPlugins)
		if p.Shadow != nil {
			setPluginDefaults(p.Shadow.ExternalPlugins)
		}
	}
}

func setPluginDefaults(plugins []ExternalPlugin) {
	for i := range plugins {
		e := &plugins[i]
		e.Deadline.Duration = cmp.Or(e.Deadline.Duration, DefaultDeadline)
		e.StartTimeout.Duration = cmp.Or(e.StartTimeout.Duration, DefaultStartTimeout)
		e.FailurePolicy = cmp.Or(e.FailurePolicy, FailurePolicyFail)
	}
}
