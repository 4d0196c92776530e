package local

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWriteStatus(t *testing.T) {
	statuses := []Status{
		{Cluster: &Cluster{Name: "control-plane", Role: RoleControlPlane, APIPort: 20001, Version: "v1.37.2"}, Condition: ConditionStopped},
		{
			Cluster:   &Cluster{Name: "member1", Role: RoleMember, Dir: "/d/member1", APIPort: 20002, Provider: "aws", Region: "eu-west-1", Zone: "eu-west-1a", Nodes: NodeSizes(0, 3)},
			Condition: ConditionDegraded, Detail: "etcd not running",
		},
	}
	var out strings.Builder
	if err := WriteStatus(&out, statuses, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	want := `NAME            ROLE            STATE      VERSION   PROVIDER   REGION      ZONE         NODES   ENDPOINT                  PIDS   UPTIME
control-plane   control-plane   Stopped    v1.37.2   -          -           -            0       https://127.0.0.1:20001   -      -
member1         member          Degraded   -         aws        eu-west-1   eu-west-1a   3       https://127.0.0.1:20002   -      -
member1: etcd not running; logs in /d/member1/logs
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestStatusOfWhatRunsInPart(t *testing.T) {
	p := startSleep(t)
	p.Name = etcd
	tests := []struct {
		name      string
		processes []Process
		want      Condition
		detail    string
	}{
		{"nothing was ever started", nil, ConditionStopped, ""},
		{"all processes ended", []Process{{Name: etcd, PID: p.PID, Birth: "other"}}, ConditionStopped, ""},
		{"one of two runs", []Process{p}, ConditionDegraded, "kube-apiserver not running"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := (&Cluster{Processes: test.processes}).status(t.Context())
			if got.Condition != test.want || got.Detail != test.detail {
				t.Errorf("status() = %s, %q, want %s, %q", got.Condition, got.Detail, test.want, test.detail)
			}
		})
	}
}

func TestAllReady(t *testing.T) {
	ready, stopped := Status{Condition: ConditionReady}, Status{Condition: ConditionStopped}
	for _, test := range []struct {
		name     string
		statuses []Status
		want     bool
	}{
		{"all", []Status{ready, ready}, true},
		{"one is not", []Status{ready, stopped}, false},
		{"none there", nil, false},
	} {
		if got := AllReady(test.statuses); got != test.want {
			t.Errorf("AllReady(%s) = %t, want %t", test.name, got, test.want)
		}
	}
}
