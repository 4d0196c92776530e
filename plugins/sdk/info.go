package sdk

import (
	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/plugins/wire"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// describe returns what the plugin is and can do, as seen from its type.
func describe(p Plugin) *pluginv1.InfoResponse {
	info := &pluginv1.InfoResponse{Name: p.Name(), ProtocolVersions: wire.ProtocolVersions, Stages: stages(p)}
	if v, ok := p.(Versioned); ok {
		info.Version = v.Version()
	}
	if f, ok := p.(FactReader); ok {
		info.Reads = uint32(f.Facts())
	}
	_, info.SharesFilter = p.(framework.SharedFilter)
	if f, ok := p.(framework.LenientFilter); ok {
		info.KeepsTargets = f.KeepsTargets()
	}
	if e, ok := p.(framework.SharedEstimate); ok {
		info.SharesEstimate = e.PerShape()
	}
	return info
}

func stages(p Plugin) []pluginv1.Stage {
	var out []pluginv1.Stage
	if _, ok := p.(framework.Filter); ok {
		out = append(out, pluginv1.Stage_STAGE_FILTER)
	}
	if _, ok := p.(framework.Score); ok {
		out = append(out, pluginv1.Stage_STAGE_SCORE)
	}
	if _, ok := p.(framework.Estimate); ok {
		out = append(out, pluginv1.Stage_STAGE_ESTIMATE)
	}
	if _, ok := p.(framework.Select); ok {
		out = append(out, pluginv1.Stage_STAGE_SELECT)
	}
	if _, ok := p.(framework.Assign); ok {
		out = append(out, pluginv1.Stage_STAGE_ASSIGN)
	}
	return out
}
