package profile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/plugins/builtin/apienablement"
	"github.com/longshore-project/longshore/plugins/builtin/clusteraffinity"
	"github.com/longshore-project/longshore/plugins/builtin/clustereviction"
	"github.com/longshore-project/longshore/plugins/builtin/clusterlocality"
	"github.com/longshore-project/longshore/plugins/builtin/clusterselection"
	"github.com/longshore-project/longshore/plugins/builtin/replicadivision"
	"github.com/longshore-project/longshore/plugins/builtin/resourcesummary"
	"github.com/longshore-project/longshore/plugins/builtin/spreadconstraint"
	"github.com/longshore-project/longshore/plugins/builtin/tainttoleration"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// costly is a score that is not asked by default and takes an argument.
type costly struct{ Label string }

func (costly) Name() string { return "Costly" }

func (costly) Score(context.Context, *framework.Query, framework.Bitset, []int64) error { return nil }

func (costly) Configure(arguments []byte) (Named, error) {
	var c costly
	if err := json.Unmarshal(arguments, &c); err != nil {
		return nil, err
	}
	if c.Label == "" {
		return nil, errors.New("label is empty")
	}
	return c, nil
}

// defaults is a profile of its own, so that these tests do not depend on which plugins are built in.
func defaults() *pipeline.Profile {
	return &pipeline.Profile{
		Filters: []framework.Filter{
			clusteraffinity.Plugin{}, tainttoleration.Plugin{}, apienablement.Plugin{}, spreadconstraint.Plugin{}, clustereviction.Plugin{},
		},
		Scores:    []pipeline.WeightedScore{{Plugin: clusterlocality.Plugin{}, Weight: 1}},
		Estimates: []framework.Estimate{resourcesummary.Plugin{}},
		Select:    clusterselection.Plugin{},
		Assign:    replicadivision.Plugin{},
	}
}

// build reads the profiles of a configuration.
func build(t *testing.T, profiles string) ([]Profile, error) {
	t.Helper()
	d, err := schedulerv1alpha1.Decode([]byte("apiVersion: scheduler.longshore.dev/v1alpha1\nkind: SchedulerConfiguration\nprofiles:\n" + profiles))
	if err != nil {
		t.Fatal(err)
	}
	built, faults := Build(&d.Configuration, NewRegistry(defaults(), costly{}), NotStarted)
	return built, d.Check(faults)
}

// order lists the plugins of the profile as it was built.
func order(p *Profile) []string {
	var out []string
	for _, f := range p.Pipeline.Filters {
		out = append(out, f.Name())
	}
	for _, s := range p.Pipeline.Scores {
		out = append(out, fmt.Sprintf("%s=%d", s.Plugin.Name(), s.Weight))
	}
	for _, e := range p.Pipeline.Estimates {
		out = append(out, e.Name())
	}
	return append(out, p.Pipeline.Select.Name(), p.Pipeline.Assign.Name())
}

func TestBuild(t *testing.T) {
	const rest = " ResourceSummary ClusterSelection ReplicaDivision"
	const filters = "ClusterAffinity TaintToleration APIEnablement SpreadConstraint ClusterEviction"
	const argument = "\n  pluginConfig: [{name: Costly, args: {label: price}}]"
	tests := []struct{ name, plugins, want string }{
		{name: "defaults", plugins: "{}", want: filters + " ClusterLocality=1" + rest},
		{name: "without a filter", plugins: "{filter: {disabled: [{name: TaintToleration}]}}",
			want: "ClusterAffinity APIEnablement SpreadConstraint ClusterEviction ClusterLocality=1" + rest},
		{name: "a filter first", plugins: `{filter: {disabled: [{name: "*"}], enabled: [{name: APIEnablement}, {name: ClusterAffinity}]}}`,
			want: "APIEnablement ClusterAffinity ClusterLocality=1" + rest},
		{name: "a filter moved to the end", plugins: "{filter: {disabled: [{name: ClusterAffinity}], enabled: [{name: ClusterAffinity}]}}",
			want: "TaintToleration APIEnablement SpreadConstraint ClusterEviction ClusterAffinity ClusterLocality=1" + rest},
		{name: "another score", plugins: "{score: {enabled: [{name: Costly, weight: 5}]}}" + argument, want: filters + " ClusterLocality=1 Costly=5" + rest},
		{name: "a new weight keeps the place", plugins: "{score: {enabled: [{name: Costly}, {name: ClusterLocality, weight: 2}]}}" + argument,
			want: filters + " ClusterLocality=2 Costly=1" + rest},
		{name: "no scores", plugins: `{score: {disabled: [{name: "*"}]}}`, want: filters + rest},
		{name: "no estimates", plugins: `{estimate: {disabled: [{name: ResourceSummary}]}}`, want: filters + " ClusterLocality=1 ClusterSelection ReplicaDivision"},
		{name: "external plugins", plugins: "{filter: {enabled: [{name: E}]}, score: {enabled: [{name: E, weight: 4}]}, estimate: {enabled: [{name: E}]}, select: {enabled: [{name: E}]}, assign: {enabled: [{name: E}]}}\n  externalPlugins: [{name: E, path: /e}]\n  pluginConfig: [{name: E, args: {a: 1}}]",
			want: filters + " E ClusterLocality=1 E=4 ResourceSummary E E E"},
		{name: "the default selection again", plugins: "{select: {enabled: [{name: ClusterSelection}]}}", want: filters + " ClusterLocality=1" + rest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			built, err := build(t, "- schedulerName: x\n  plugins: "+tt.plugins)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Fields(tt.want), order(&built[0])); diff != "" {
				t.Errorf("plugins (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProfilesAreApart(t *testing.T) {
	built, err := build(t, `
- schedulerName: a
  pluginConfig: [{name: Costly, args: {label: price}}]
  plugins: {score: {enabled: [{name: Costly}]}}
- schedulerName: b
  reservations: {enabled: false}
  pluginConfig: [{name: Costly, args: {label: power}}]
  plugins: {score: {enabled: [{name: Costly}]}}
`)
	if err != nil {
		t.Fatal(err)
	}
	a, b := built[0], built[1]
	if !a.Reservations || b.Reservations || a.SchedulerName != "a" || b.SchedulerName != "b" {
		t.Errorf("profiles are %+v and %+v", a, b)
	}
	if a.Pipeline.Memo == b.Pipeline.Memo || a.Pipeline.Memo == nil {
		t.Error("profiles share their memory, although they may answer differently")
	}
	if got := []framework.Score{a.Pipeline.Scores[1].Plugin, b.Pipeline.Scores[1].Plugin}; got[0] != (costly{"price"}) || got[1] != (costly{"power"}) {
		t.Errorf("scores are %v", got)
	}
}

// TestShadowIsBuiltLikeAProfile starts a shadow from the default plugins and not from those of its profile, which stays as it is.
func TestShadowIsBuiltLikeAProfile(t *testing.T) {
	built, err := build(t, `
- reservations: {enabled: false}
  plugins: {filter: {disabled: [{name: TaintToleration}]}}
  externalPlugins: []
  shadow:
    plugins: {score: {enabled: [{name: Costly, weight: 5}, {name: E}]}}
    pluginConfig: [{name: Costly, args: {label: price}}]
    externalPlugins: [{name: E, path: /e}]
- schedulerName: plain
`)
	if err != nil {
		t.Fatal(err)
	}
	live, shadow := &built[0], built[0].Shadow
	if shadow == nil || built[1].Shadow != nil {
		t.Fatalf("shadows are %v and %v, want one of the first profile", shadow, built[1].Shadow)
	}
	const rest = " ResourceSummary ClusterSelection ReplicaDivision"
	if diff := cmp.Diff(strings.Fields("ClusterAffinity APIEnablement SpreadConstraint ClusterEviction ClusterLocality=1"+rest), order(live)); diff != "" {
		t.Errorf("plugins of the profile (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(strings.Fields("ClusterAffinity TaintToleration APIEnablement SpreadConstraint ClusterEviction ClusterLocality=1 Costly=5 E=1"+rest), order(shadow)); diff != "" {
		t.Errorf("plugins of the shadow (-want +got):\n%s", diff)
	}
	if live.Pipeline.Memo == shadow.Pipeline.Memo {
		t.Error("profile and shadow share their memory, although they may answer differently")
	}
	if shadow.SchedulerName != "default-scheduler/shadow" || shadow.Reservations {
		t.Errorf("shadow is called %s with reservations %t", shadow.SchedulerName, shadow.Reservations)
	}
	var out bytes.Buffer
	if err := live.Print(&out); err != nil {
		t.Fatal(err)
	}
	if want := "\n\nProfile default-scheduler/shadow, reservations off\n"; strings.Count(out.String(), want) != 1 {
		t.Errorf("output lacks %q:\n%s", want, &out)
	}
}

func TestShadowFaultsAreTold(t *testing.T) {
	_, err := build(t, "- shadow:\n    plugins: {score: {enabled: [{name: Nope}]}}\n    externalPlugins: [{name: Idle, path: /idle}]")
	want := []string{
		`line 5: profiles[0].shadow.plugins.score.enabled[0].name: Invalid value: "Nope": is no plugin here; known are APIEnablement, ClusterAffinity, ClusterEviction, ClusterLocality, ClusterSelection, Costly, Idle, ReplicaDivision, ResourceSummary, SpreadConstraint, TaintToleration`,
		`line 6: profiles[0].shadow.externalPlugins[0].name: Invalid value: "Idle": is asked nowhere: enable it in plugins, at filter for example`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestBuildTellsEverything(t *testing.T) {
	_, err := build(t, `
- plugins:
    filter:
      enabled:
      - name: Nope
      - name: ClusterLocality
      - {name: TaintToleration, weight: 2}
      - name: TaintToleration
      disabled: [{name: Costly}, {name: ClusterAffinity}, {name: ClusterAffinity, weight: 1}]
    score: {enabled: [{name: Costly, weight: 0}]}
    select: {disabled: [{name: "*"}]}
    assign: {enabled: [{name: ReplicaDivision}, {name: ReplicaDivision}]}
  pluginConfig:
  - {name: TaintToleration, args: {}}
  - {name: Costly, args: {}}
  - {name: Lost}
  externalPlugins:
  - {name: Mine, path: /mine}
  - {name: Costly, path: /costly}
  - {name: Idle, path: /idle}
- schedulerName: b
  plugins: {score: {enabled: [{name: Mine}]}}
`)
	if err == nil {
		t.Fatal("no error")
	}
	const known = "is no plugin here; known are APIEnablement, ClusterAffinity, ClusterEviction, ClusterLocality, ClusterSelection, Costly, ReplicaDivision, ResourceSummary, SpreadConstraint, TaintToleration"
	withExternal := strings.NewReplacer("Costly", "Costly, Idle, Mine").Replace(known)
	want := []string{
		`line 8: profiles[0].plugins.filter.enabled[0].name: Invalid value: "Nope": ` + withExternal,
		`line 9: profiles[0].plugins.filter.enabled[1].name: Invalid value: "ClusterLocality": is not a filter plugin`,
		`line 10: profiles[0].plugins.filter.enabled[2].weight: Forbidden: only score plugins have a weight`,
		`line 11: profiles[0].plugins.filter.enabled[3].name: Duplicate value: "TaintToleration"`,
		`line 12: profiles[0].plugins.filter.disabled[0].name: Invalid value: "Costly": is no default filter plugin; these are *, APIEnablement, ClusterAffinity, ClusterEviction, SpreadConstraint, TaintToleration`,
		`line 12: profiles[0].plugins.filter.disabled[2].name: Duplicate value: "ClusterAffinity"`,
		`line 12: profiles[0].plugins.filter.disabled[2].weight: Forbidden: a disabled plugin has no weight`,
		`line 13: profiles[0].plugins.score.enabled[0].weight: Invalid value: 0: must be at least 1; to leave the plugin out, disable it`,
		`line 14: profiles[0].plugins.select: Invalid value: 0: exactly one plugin must be enabled`,
		`line 15: profiles[0].plugins.assign.enabled[1].name: Duplicate value: "ReplicaDivision"`,
		`line 15: profiles[0].plugins.assign: Invalid value: 2: exactly one plugin must be enabled`,
		`line 17: profiles[0].pluginConfig[0].args: Forbidden: TaintToleration takes no arguments`,
		`line 18: profiles[0].pluginConfig[1].args: Invalid value: "Costly": label is empty`,
		`line 19: profiles[0].pluginConfig[2].name: Invalid value: "Lost": ` + withExternal,
		`line 21: profiles[0].externalPlugins[0].name: Invalid value: "Mine": is asked nowhere: enable it in plugins, at filter for example`,
		`line 22: profiles[0].externalPlugins[1].name: Invalid value: "Costly": is the name of a compiled-in plugin: choose another`,
		`line 23: profiles[0].externalPlugins[2].name: Invalid value: "Idle": is asked nowhere: enable it in plugins, at filter for example`,
		`line 25: profiles[1].plugins.score.enabled[0].name: Invalid value: "Mine": ` + known,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// faulty is an error about one argument.
type faulty string

func (f faulty) Error() string    { return string(f) + ": is wrong" }
func (f faulty) Argument() string { return string(f) }

// picky is a score for which no arguments are right.
type picky struct{ costly }

func (picky) Name() string { return "Picky" }

func (picky) Configure([]byte) (Named, error) {
	return nil, errors.Join(faulty("scores.gold"), faulty("list[1].name"), faulty("label"), errors.New("all is wrong"))
}

// Faults of arguments are told at the lines of the arguments, and of those that are left out at the line of the rest or of the plugin.
func TestFaultsOfArguments(t *testing.T) {
	d, err := schedulerv1alpha1.Decode([]byte(`apiVersion: scheduler.longshore.dev/v1alpha1
kind: SchedulerConfiguration
profiles:
- plugins:
    score: {enabled: [{name: Picky}]}
  pluginConfig:
  - name: Picky
    args:
      scores:
        gold: 1
      list:
      - name: a
      - name: b
- schedulerName: other
  plugins:
    score:
      enabled:
      - name: Picky
`))
	if err != nil {
		t.Fatal(err)
	}
	_, faults := Build(&d.Configuration, NewRegistry(defaults(), picky{}), NotStarted)
	want := []string{
		`line 8: profiles[0].pluginConfig[0].args.label: Invalid value: "Picky": is wrong`,
		`line 8: profiles[0].pluginConfig[0].args: Invalid value: "Picky": all is wrong`,
		`line 10: profiles[0].pluginConfig[0].args.scores.gold: Invalid value: "Picky": is wrong`,
		`line 13: profiles[0].pluginConfig[0].args.list[1].name: Invalid value: "Picky": is wrong`,
		`line 18: profiles[1].plugins.score.enabled[0].name: Invalid value: "Picky": needs arguments in pluginConfig: scores.gold: is wrong; list[1].name: is wrong; label: is wrong; all is wrong`,
	}
	if diff := cmp.Diff(want, strings.Split(d.Check(faults).Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestPrint(t *testing.T) {
	built, err := build(t, "- reservations: {enabled: false}\n  plugins: {score: {enabled: [{name: Costly, weight: 5}]}}\n  pluginConfig: [{name: Costly, args: {label: price}}]")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := built[0].Print(&out); err != nil {
		t.Fatal(err)
	}
	want := `Profile default-scheduler, reservations off
POINT     ORDER  PLUGIN            WEIGHT  READS                       ARGUMENTS
filter    1      ClusterAffinity   -       membership|labels|topology  -
filter    2      TaintToleration   -       taints                      -
filter    3      APIEnablement     -       apis                        -
filter    4      SpreadConstraint  -       membership|labels|topology  -
filter    5      ClusterEviction   -       (asked every time)          -
score     1      ClusterLocality   1       (asked every time)          -
score     2      Costly            5       (asked every time)          {"label":"price"}
estimate  1      ResourceSummary   -       membership|capacity         -
select    1      ClusterSelection  -       (asked every time)          -
assign    1      ReplicaDivision   -       (asked every time)          -
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}
