package v1alpha1

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestEstimators(t *testing.T) {
	d, err := Decode([]byte(head + `
profiles:
- estimators:
    servers:
    - address: dns:///127.0.0.1:10352
    - address: dns:///estimator-{member}.fleet:10352
      protocol: karmada
      tls: {caFile: ca.pem, certFile: tls.pem, keyFile: key.pem}
    - service: {port: 1234}
      members: [a, b]
      tls: {insecureSkipVerify: true}
    budget: 20ms
    countGrowth: true
    skipPullMembers: true
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Check(nil); err != nil {
		t.Fatal(err)
	}
	want := &Estimators{
		Servers: []EstimatorServer{
			{Address: "dns:///127.0.0.1:10352", Protocol: ProtocolAuto},
			{Address: "dns:///estimator-{member}.fleet:10352", Protocol: ProtocolKarmada, TLS: &EstimatorTLS{CAFile: "ca.pem", CertFile: "tls.pem", KeyFile: "key.pem"}},
			{
				Service: &EstimatorService{Prefix: DefaultEstimatorPrefix, Namespace: DefaultEstimatorNamespace, Port: 1234},
				Members: []string{"a", "b"}, Protocol: ProtocolKarmada, TLS: &EstimatorTLS{InsecureSkipVerify: true},
			},
		},
		Deadline: metav1.Duration{Duration: DefaultEstimatorDeadline}, Budget: metav1.Duration{Duration: 20 * time.Millisecond},
		CacheFor: metav1.Duration{Duration: DefaultEstimatorCacheFor}, Merge: MergePreferAccurate, CountGrowth: true, SkipPullMembers: true,
	}
	if diff := cmp.Diff(want, d.Configuration.Profiles[0].Estimators); diff != "" {
		t.Errorf("estimators (-want +got):\n%s", diff)
	}
	if got := want.Servers[1].AddressFor("a"); got != "dns:///estimator-a.fleet:10352" {
		t.Errorf("address for a: %s", got)
	}
}

func TestEstimatorsRefused(t *testing.T) {
	const local = "address: dns:///localhost:1"
	tests := []struct{ name, section, want string }{
		{"no servers", `{servers: []}`, "servers: Required value: name the estimators to ask"},
		{"no address", `{servers: [{protocol: auto}]}`, "set either address or service"},
		{"both", `{servers: [{` + local + `, service: {}}]}`, "set either address or service"},
		{"scheme", `{servers: [{address: "http://a:1"}]}`, "must be dns:///host:port or unix:///path"},
		{"port", `{servers: [{address: "dns:///localhost"}]}`, "missing port"},
		{"open network", `{servers: [{address: "dns:///a:1"}]}`, "tls: Required value: without it anybody"},
		{"protocol", `{servers: [{` + local + `, protocol: x}]}`, "protocol: Unsupported value"},
		{"karmada for many", `{servers: [{` + local + `, protocol: karmada}]}`, "serves one member"},
		{"twice", `{servers: [{` + local + `, members: [a, a]}]}`, "members[1]: Duplicate value"},
		{"half a pair", `{servers: [{` + local + `, tls: {caFile: c, certFile: a}}]}`, "certFile and keyFile go together"},
		{"no trust", `{servers: [{` + local + `, tls: {}}]}`, "name the CA or, to trust any server, set insecureSkipVerify"},
		{"merge", `{merge: max, servers: [{` + local + `}]}`, "merge: Unsupported value"},
		{"budget", `{budget: -1s, servers: [{` + local + `}]}`, "budget: Invalid value"},
		{"service port", `{servers: [{service: {port: 70000}}]}`, "service.port: Invalid value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Decode([]byte(head + "profiles:\n- estimators: " + tt.section + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Check(nil); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("faults are %v, want %q", err, tt.want)
			}
		})
	}
}
