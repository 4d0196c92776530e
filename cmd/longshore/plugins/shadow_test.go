package plugins

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/longshore-project/longshore/cmd/longshore/connect/connecttest"
	"github.com/longshore-project/longshore/scheduler/shadow"
)

// shadows is what a scheduler says that has two shadows.
func shadows() *shadow.Report {
	r := shadow.NewReport(now)
	r.Profiles = []shadow.ProfileReport{
		{
			Profile: "default-scheduler", Since: now.Add(-3 * time.Hour), Compared: 1000, Equal: 997, Moved: 6, Dropped: 4,
			Different: map[shadow.Kind]int64{shadow.Clusters: 1, shadow.Replicas: 1, shadow.Outcome: 1},
			Recent: []shadow.Record{
				{Time: now.Add(-7 * time.Second), Binding: "shop/web", Difference: shadow.Difference{
					Kind: shadow.Clusters, Live: "{a:4}", Shadow: "{b:4}", Moved: 4, MoreClusters: 9, Clusters: []shadow.ClusterDifference{
						{Cluster: "a", Live: ptr.To[int64](4)}, {Cluster: "b", Shadow: ptr.To[int64](4), Why: "score 200 instead of 0 (cost 100×2)"},
					}}},
				{Time: now.Add(-5 * time.Minute), Binding: "reader", Difference: shadow.Difference{
					Kind: shadow.Outcome, Live: "{a:0}", Shadow: "NoClusterFit: 0/3 clusters are available:\n3 cluster(s) were dear",
				}},
				{Time: now.Add(-6 * time.Minute), Binding: "shop/db", Difference: shadow.Difference{
					Kind: shadow.Replicas, Live: "{a:4, b:1}", Shadow: "{a:2, b:3}", Moved: 2, Clusters: []shadow.ClusterDifference{
						{Cluster: "a", Live: ptr.To[int64](4), Shadow: ptr.To[int64](2)}, {Cluster: "b", Live: ptr.To[int64](1), Shadow: ptr.To[int64](3)},
					}}},
			},
		},
		{Profile: "broken", Since: now, Errors: 2, LastError: "deciding about x/y:\nplugin cost is not running"},
	}
	return r
}

func TestShadow(t *testing.T) {
	address, _ := serve(t, shadow.ReportPath, shadows())
	const all = `profile default-scheduler, since 3h: 1000 decisions compared, 997 equal, 1 other clusters, 1 other replicas, 1 other outcome; 6 replicas moved
4 decisions were not compared, because the shadow was behind
BINDING   AGE  MOVED  CLUSTER     LIVE   SHADOW        WHY
shop/web  7s   4      a           4      -             -
                      b           -      4             score 200 instead of 0 (cost 100×2)
                      and 9 more  -      -             -
reader    5m   0      -           {a:0}  NoClusterFit  0/3 clusters are available: 3 cluster(s) were dear
shop/db   6m   2      a           4      2             -
                      b           1      3             -

profile broken, since 0s: 0 decisions compared, 0 equal, 0 other clusters, 0 other replicas, 0 other outcome; 0 replicas moved
2 decisions were not made by the shadow, the last one because: deciding about x/y:; plugin cost is not running
`
	lines := slices.Collect(strings.Lines(all))
	const first = `BINDING   AGE  MOVED  CLUSTER     LIVE  SHADOW  WHY
shop/web  7s   4      a           4     -       -
                      b           -     4       score 200 instead of 0 (cost 100×2)
                      and 9 more  -     -       -
`
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"all", nil, all},
		{"one profile", []string{"--profile", "broken"}, strings.Join(lines[len(lines)-2:], "")},
		{"the last difference", []string{"--profile", "default-scheduler", "--limit", "1"}, lines[0] + lines[1] + first},
		{"no difference", []string{"--profile", "default-scheduler", "--limit", "0"}, lines[0] + lines[1]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := connecttest.Run(t, NewCommand(), append([]string{"shadow", "--scheduler", address}, tt.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShadowExplains(t *testing.T) {
	address, _ := serve(t, shadow.ReportPath, shadows())
	empty, _ := serve(t, shadow.ReportPath, shadow.NewReport(now))
	_, err := connecttest.Run(t, NewCommand(), "shadow", "--scheduler", address, "--profile", "mine")
	if want := `profile "mine" has no shadow; those that have one are default-scheduler, broken`; err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
	out, err := connecttest.Run(t, NewCommand(), "shadow", "--scheduler", empty)
	if want := "no profile of the scheduler has a shadow: add shadow to one in the configuration file\n"; err != nil || out != want {
		t.Errorf("error %v, output %q, want %q", err, out, want)
	}
	if _, err := connecttest.Run(t, NewCommand(), "shadow", "--limit", "-1"); err == nil {
		t.Error("no error for --limit -1")
	}
}

func TestProfilesAreCompleted(t *testing.T) {
	address, _ := serve(t, shadow.ReportPath, shadows())
	out, err := connecttest.Run(t, NewCommand(), "__complete", "shadow", "--scheduler", address, "--profile", "")
	if err != nil || !strings.HasPrefix(out, "default-scheduler\nbroken\n") {
		t.Errorf("completion offers %q, %v", out, err)
	}
}
