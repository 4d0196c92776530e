package v1alpha1

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	"k8s.io/utils/ptr"
)

const head = "apiVersion: scheduler.longshore.dev/v1alpha1\nkind: SchedulerConfiguration\n"

func TestDecode(t *testing.T) {
	meta := metav1.TypeMeta{APIVersion: GroupVersion.String(), Kind: Kind}
	reserving := Reservations{Enabled: ptr.To(true)}
	tests := []struct {
		name, text string
		want       SchedulerConfiguration
	}{
		{name: "nothing but the kind", text: head, want: SchedulerConfiguration{
			TypeMeta: meta, Profiles: []SchedulerProfile{{SchedulerName: DefaultSchedulerName, Reservations: reserving}},
		}},
		{name: "parts without values", text: head + "profiles:\n- schedulerName: mine\n  reservations:\n  plugins: {}\n  pluginConfig: []\n  externalPlugins:\n", want: SchedulerConfiguration{
			TypeMeta: meta, Profiles: []SchedulerProfile{{SchedulerName: "mine", Reservations: reserving, PluginConfig: []kubeschedulerv1.PluginConfig{}}},
		}},
		{name: "JSON", text: `{"apiVersion": "scheduler.longshore.dev/v1alpha1", "kind": "SchedulerConfiguration", "profiles": [{"reservations": {"enabled": false}}]}`,
			want: SchedulerConfiguration{
				TypeMeta: meta, Profiles: []SchedulerProfile{{SchedulerName: DefaultSchedulerName, Reservations: Reservations{Enabled: ptr.To(false)}}},
			}},
		{name: "all of it", text: head + `
profiles:
- schedulerName: mine
  plugins:
    score:
      enabled: [{name: A, weight: 3}]
      disabled: [{name: "*"}]
  pluginConfig:
  - name: A
    args: {keys: [x], deep: {er: 1}}
  externalPlugins:
  - name: E
    path: /bin/e
    sha256: ` + strings.Repeat("0f", 32) + `
    plainSocket: true
    deadline: 20ms
    failurePolicy: skip
  - name: F
    address: dns:///f:1
    tls: {caFile: ca, certFile: cert, keyFile: key}
  shadow:
    plugins: {filter: {enabled: [{name: E}]}}
    pluginConfig: [{name: E, args: {x: 1}}]
    externalPlugins: [{name: E, path: /bin/e}]
`, want: SchedulerConfiguration{TypeMeta: meta, Profiles: []SchedulerProfile{{
			SchedulerName: "mine", Reservations: reserving,
			Plugins: Plugins{Score: kubeschedulerv1.PluginSet{
				Enabled: []kubeschedulerv1.Plugin{{Name: "A", Weight: ptr.To[int32](3)}}, Disabled: []kubeschedulerv1.Plugin{{Name: "*"}},
			}},
			PluginConfig: []kubeschedulerv1.PluginConfig{{Name: "A", Args: runtime.RawExtension{Raw: []byte(`{"deep":{"er":1},"keys":["x"]}`)}}},
			ExternalPlugins: []ExternalPlugin{
				{Name: "E", Path: "/bin/e", SHA256: strings.Repeat("0f", 32), PlainSocket: true, Deadline: metav1.Duration{Duration: 20 * time.Millisecond},
					StartTimeout: metav1.Duration{Duration: DefaultStartTimeout}, FailurePolicy: FailurePolicySkip},
				{Name: "F", Address: "dns:///f:1", TLS: &TLS{CAFile: "ca", CertFile: "cert", KeyFile: "key"}, Deadline: metav1.Duration{Duration: DefaultDeadline},
					StartTimeout: metav1.Duration{Duration: DefaultStartTimeout}, FailurePolicy: FailurePolicyFail},
			},
			Shadow: &Shadow{
				Plugins:      Plugins{Filter: kubeschedulerv1.PluginSet{Enabled: []kubeschedulerv1.Plugin{{Name: "E"}}}},
				PluginConfig: []kubeschedulerv1.PluginConfig{{Name: "E", Args: runtime.RawExtension{Raw: []byte(`{"x":1}`)}}},
				ExternalPlugins: []ExternalPlugin{{
					Name: "E", Path: "/bin/e", Deadline: metav1.Duration{Duration: DefaultDeadline}, StartTimeout: metav1.Duration{Duration: DefaultStartTimeout},
					FailurePolicy: FailurePolicyFail,
				}},
			},
		}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Decode([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Check(nil); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, d.Configuration); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
			again := *d.Configuration.DeepCopy()
			SetDefaults(&again)
			if diff := cmp.Diff(d.Configuration, again); diff != "" {
				t.Errorf("defaults set twice (-once +twice):\n%s", diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{name: "nothing", text: "", want: "the configuration is empty: it starts with apiVersion: scheduler.longshore.dev/v1alpha1"},
		{name: "no YAML", text: "a: [", want: "reading the configuration: yaml: line 1: did not find expected node content"},
		{name: "two documents", text: head + "---\na: 1\n", want: "line 3: the configuration ends here, but a second document follows: write one document"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Decode([]byte(tt.text)); err == nil || err.Error() != tt.want {
				t.Errorf("error is %v, want %s", err, tt.want)
			}
		})
	}
}

func TestCheckTellsEverything(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{name: "another kind", text: "apiVersion: v1\nkind: Pod\nspec: {}\n", want: []string{
			`line 1: apiVersion: Unsupported value: "v1": supported values: "scheduler.longshore.dev/v1alpha1"`,
			`line 2: kind: Unsupported value: "Pod": supported values: "SchedulerConfiguration"`,
			"line 3: spec: unknown field; known are apiVersion, kind, profiles",
		}},
		{name: "a list", text: "- a\n", want: []string{
			"line 1: a list is not a map",
			`line 1: apiVersion: Unsupported value: "": supported values: "scheduler.longshore.dev/v1alpha1"`,
			`line 1: kind: Unsupported value: "": supported values: "SchedulerConfiguration"`,
		}},
		{name: "wrong types", text: head + `profiles:
- schedulerName: 7
  reservations: {enabled: "true"}
  plugins:
    score: {enabled: [{name: A, weight: 1.5}, {name: B, weight: 99999999999}]}
    filter: [A]
  pluginConfig: [{name: A, args: text}]
  externalPlugins: [{name: E, path: /e, deadline: 3}]
- &anchor {schedulerName: a}
- *anchor
`, want: []string{
			`line 4: profiles[0].schedulerName: "7" is not a string`,
			`line 5: profiles[0].reservations.enabled: "true" is not true or false`,
			`line 7: profiles[0].plugins.score.enabled[0].weight: "1.5" is not a whole number`,
			`line 7: profiles[0].plugins.score.enabled[1].weight: "99999999999" is too large`,
			`line 8: profiles[0].plugins.filter: a list is not a map`,
			`line 9: profiles[0].pluginConfig[0].args: "text" is not a map of arguments`,
			`line 10: profiles[0].externalPlugins[0].deadline: "3" is not a duration such as 500ms or 2s`,
			`line 12: profiles[2]: aliases are not supported: write the value out`,
			`line 12: profiles[2].schedulerName: Duplicate value: "default-scheduler"`,
		}},
		{name: "keys twice", text: head + "kind: SchedulerConfiguration\nprofiles:\n- pluginConfig:\n  - name: A\n    args:\n      x: {y: 1, y: 2}\n      x: 3\n", want: []string{
			"line 3: kind: appears twice; it is set in line 2 already",
			"line 8: profiles[0].pluginConfig[0].args.x.y: appears twice; it is set in line 8 already",
			"line 9: profiles[0].pluginConfig[0].args.x: appears twice; it is set in line 8 already",
		}},
		{name: "names", text: head + "profiles:\n- {}\n- schedulerName: default-scheduler\n- schedulerName: a\n  pluginConfig:\n  - name: A\n  - name: A\n  - args: {}\n", want: []string{
			`line 5: profiles[1].schedulerName: Duplicate value: "default-scheduler"`,
			`line 9: profiles[2].pluginConfig[1].name: Duplicate value: "A"`,
			`line 10: profiles[2].pluginConfig[2].name: Required value: name the plugin that takes the arguments`,
		}},
		{name: "a shadow", text: head + `profiles:
- shadow:
    schedulerName: mine
    plugins: {filter: [A]}
    pluginConfig: [{name: A}, {name: A}]
    externalPlugins: [{name: a}]
    shadow: {}
- shadow: true
  schedulerName: b/shadow
`, want: []string{
			`line 5: profiles[0].shadow.schedulerName: unknown field; known are externalPlugins, pluginConfig, plugins`,
			`line 6: profiles[0].shadow.plugins.filter: a list is not a map`,
			`line 7: profiles[0].shadow.pluginConfig[1].name: Duplicate value: "A"`,
			`line 8: profiles[0].shadow.externalPlugins[0]: Invalid value: "a": set either path, for a binary to run, or address, for a plugin that runs already`,
			`line 9: profiles[0].shadow.shadow: unknown field; known are externalPlugins, pluginConfig, plugins`,
			`line 10: profiles[1].shadow: "true" is not a map`,
			`line 11: profiles[1].schedulerName: Invalid value: "b/shadow": is what a shadow is called: leave out /shadow`,
		}},
		{name: "external plugins", text: head + `profiles:
- externalPlugins:
  - {name: a}
  - {name: a, path: x, address: unix:///y}
  - {path: /x, sha256: 00}
  - {name: b, address: "tcp://x:1", sha256: 00}
  - {name: c, address: "dns:///x:1"}
  - {name: d, address: "dns:///x:1", tls: {caFile: f}, args: [x], environment: [X], plainSocket: true}
  - {name: e, path: /x, failurePolicy: retry, deadline: -1s, startTimeout: -1s}
`, want: []string{
			`line 5: profiles[0].externalPlugins[0]: Invalid value: "a": set either path, for a binary to run, or address, for a plugin that runs already`,
			`line 6: profiles[0].externalPlugins[1]: Invalid value: "a": set either path, for a binary to run, or address, for a plugin that runs already`,
			`line 6: profiles[0].externalPlugins[1].path: Invalid value: "x": must be absolute: the working directory of the scheduler is nobody's business`,
			`line 6: profiles[0].externalPlugins[1].name: Duplicate value: "a"`,
			`line 7: profiles[0].externalPlugins[2].sha256: "00" is not a string`,
			`line 7: profiles[0].externalPlugins[2].name: Required value: profiles could not refer to the plugin`,
			`line 8: profiles[0].externalPlugins[3].sha256: "00" is not a string`,
			`line 8: profiles[0].externalPlugins[3].address: Invalid value: "tcp://x:1": must be unix:///path or dns:///host:port`,
			`line 9: profiles[0].externalPlugins[4].tls: Required value: without it anybody on the network could place workloads`,
			`line 10: profiles[0].externalPlugins[5].args: Forbidden: belongs to a binary: set path, or leave it out`,
			`line 10: profiles[0].externalPlugins[5].environment: Forbidden: belongs to a binary: set path, or leave it out`,
			`line 10: profiles[0].externalPlugins[5].plainSocket: Forbidden: belongs to a binary: set path, or leave it out`,
			`line 10: profiles[0].externalPlugins[5].tls.certFile: Required value: name a PEM file`,
			`line 10: profiles[0].externalPlugins[5].tls.keyFile: Required value: name a PEM file`,
			`line 11: profiles[0].externalPlugins[6].failurePolicy: Unsupported value: "retry": supported values: "fail", "skip"`,
			`line 11: profiles[0].externalPlugins[6].deadline: Invalid value: "-1s": must not be negative`,
			`line 11: profiles[0].externalPlugins[6].startTimeout: Invalid value: "-1s": must not be negative`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Decode([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			err = d.Check(nil)
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}
