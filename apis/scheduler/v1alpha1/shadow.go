package v1alpha1

import "strings"

// shadowSuffix tells a shadow from its profile in logs and reports.
const shadowSuffix = "/shadow"

// ShadowProfile returns the shadow as a profile of its own, whose name is that of p with /shadow appended. Ok is false if p has none.
func (p *SchedulerProfile) ShadowProfile() (shadow SchedulerProfile, ok bool) {
	if p.Shadow == nil {
		return SchedulerProfile{}, false
	}
	return SchedulerProfile{
		SchedulerName: p.SchedulerName + shadowSuffix, Reservations: p.Reservations,
		Plugins: p.Shadow.Plugins, PluginConfig: p.Shadow.PluginConfig, ExternalPlugins: p.Shadow.ExternalPlugins,
	}, true
}

// IsShadow reports whether the schedulerName is that of a shadow.
func IsShadow(schedulerName string) bool { return strings.HasSuffix(schedulerName, shadowSuffix) }
