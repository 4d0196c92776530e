package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestDemo runs first: the other tests change the fleet.
func TestDemo(t *testing.T) {
	for _, want := range []string{
		`(?m)^nginx +5/5 +5 +5 `,
		`(?m)^member1 +3$`,
		`(?m)^member2 +1$`,
		`(?m)^member3 +1$`,
		`(?m)^member1 +5\d +3/3 +\d+s$`,
		`(?m)^member1 +2\d +2/3 +\d+s$`,
		`make demo-down`,
	} {
		if !regexp.MustCompile(want).MatchString(demoOutput) {
			t.Errorf("the demo did not print %q", want)
		}
	}
	demo.eventually(t, "the demo's replicas run", demo.runs("default", "nginx", map[string]int32{"member1": 3, "member2": 1, "member3": 1}))
	demo.eventually(t, "the replicas that follow the room run", demo.runs("default", "elastic", map[string]int32{"member1": 1, "member2": 4, "member3": 4}))
}

// TestColumnsConditionsAndEvents looks at the demo's objects with kubectl, as KARMADA-COMPAT's users know them.
func TestColumnsConditionsAndEvents(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{name: "clusters", args: []string{"get", "clusters"}, want: []string{`NAME +VERSION +MODE +READY +AGE`, `member1 +v1\.37\.2 +Push +True`}},
		{name: "clusters wide", args: []string{"get", "clusters", "-o", "wide"}, want: []string{`ZONES +REGION +PROVIDER +API-ENDPOINT +PROXY-URL`}},
		{name: "policy", args: []string{"get", "pp", "nginx"}, want: []string{`NAME +CONFLICT-RESOLUTION +PRIORITY +AGE`, `nginx +Abort +0 `}},
		{name: "binding", args: []string{"get", "rb", "nginx-deployment"}, want: []string{`NAME +SCHEDULED +FULLYAPPLIED +AGE`, `nginx-deployment +True +True`}},
		{name: "work", args: []string{"-n", "karmada-es-member1", "get", "wk"}, want: []string{`NAME +WORKLOAD-KIND +APPLIED +AGE`, `nginx-687f7fb96f +\["?Deployment"?\] +True|nginx-687f7fb96f +Deployment +True`}},
		{name: "category", args: []string{"get", "karmada-io"}, want: []string{`propagationpolicy\.policy\.karmada\.io/nginx`, `resourcebinding\.work\.karmada\.io/nginx-deployment`}},
		{name: "binding's events", args: []string{"events", "--for", "resourcebinding/nginx-deployment"}, want: []string{`Normal +ScheduleBindingSucceed`}},
		{name: "template's events", args: []string{"events", "--for", "deployment/nginx"}, want: []string{`Normal +ApplyPolicySucceed`}},
		{name: "work's events", args: []string{"-n", "karmada-es-member1", "events"}, want: []string{`Normal +SyncSucceed`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			demo.eventually(t, "kubectl "+strings.Join(tt.args, " ")+" shows it", func(ctx context.Context) error {
				out, err := demo.kubectl(ctx, controlPlane, "", tt.args...)
				if err != nil {
					return err
				}
				for _, want := range tt.want {
					if !regexp.MustCompile(want).MatchString(out) {
						return fmt.Errorf("%q is not in:\n%s", want, out)
					}
				}
				return nil
			})
		})
	}
}
