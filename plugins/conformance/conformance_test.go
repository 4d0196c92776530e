package conformance_test

import (
	"testing"

	"github.com/longshore-project/longshore/plugins/builtin/apienablement"
	"github.com/longshore-project/longshore/plugins/builtin/clusteraffinity"
	"github.com/longshore-project/longshore/plugins/builtin/clustereviction"
	"github.com/longshore-project/longshore/plugins/builtin/clusterlocality"
	"github.com/longshore-project/longshore/plugins/builtin/clusterselection"
	"github.com/longshore-project/longshore/plugins/builtin/replicadivision"
	"github.com/longshore-project/longshore/plugins/builtin/resourcesummary"
	"github.com/longshore-project/longshore/plugins/builtin/spreadconstraint"
	"github.com/longshore-project/longshore/plugins/builtin/tainttoleration"
	"github.com/longshore-project/longshore/plugins/conformance"
	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/plugins/sdk/sdktest"
)

func builtins() []sdk.Plugin {
	return []sdk.Plugin{
		apienablement.Plugin{}, clusteraffinity.Plugin{}, clustereviction.Plugin{}, clusterlocality.Plugin{}, clusterselection.Plugin{},
		replicadivision.Plugin{}, resourcesummary.Plugin{}, spreadconstraint.Plugin{}, tainttoleration.Plugin{},
	}
}

func TestBuiltinsDirectly(t *testing.T) {
	for _, p := range builtins() {
		t.Run(p.Name(), func(t *testing.T) {
			conformance.Run(t, func(testing.TB) conformance.Subject { return conformance.Of(p) })
		})
	}
}

func TestBuiltinsOverTheWire(t *testing.T) {
	for _, p := range builtins() {
		t.Run(p.Name(), func(t *testing.T) {
			conformance.Run(t, func(t testing.TB) conformance.Subject { return conformance.Of(sdktest.Open(t, p, nil)) })
		})
	}
}

// A plugin at the other end of the wire says exactly what it says when it is compiled in.
func TestTheWireChangesNothing(t *testing.T) {
	for _, p := range builtins() {
		t.Run(p.Name(), func(t *testing.T) {
			if err := conformance.Same(t.Context(), conformance.Of(p), conformance.Of(sdktest.Open(t, p, nil))); err != nil {
				t.Error(err)
			}
		})
	}
}
