package explain

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/cmd/longshore/connect/connecttest"
	"github.com/longshore-project/longshore/scheduler/journal"
)

// scheduler answers about bindings as one does that remembers shop/web-deployment, would decide about reader-clusterrole and knows no others.
func scheduler(t *testing.T) (address string) {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	then := now.Add(-5 * time.Minute)
	web := journal.Decision{Binding: "shop/web-deployment", Profile: "default-scheduler", Time: &then, Outcome: "Placed", Message: "{a:4}"}
	db := journal.Decision{Binding: "shop/db-statefulset", Profile: "mine", Time: &then, Outcome: "NoClusterFit", Message: "0/3 clusters are available:\n3 cluster(s) were dear"}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		report := journal.NewReport(now)
		switch binding := r.URL.Query().Get(journal.ReportParameter); {
		case r.URL.Path != journal.ReportPath:
			http.NotFound(w, r)
			return
		case binding == "":
			report.Decisions = []journal.Decision{web, db}
		case binding == web.Binding:
			web.Explanation = "Placed: {a:4}\n  filters: 1/1 clusters are available\n"
			report.Decisions = []journal.Decision{web}
		case binding == "reader-clusterrole":
			report.Decisions = []journal.Decision{{Binding: binding, Profile: "mine", Outcome: "Placed", Explanation: "Placed: {a:0}\n"}}
		default:
			report.Missing = "no such binding is known"
		}
		if err := json.NewEncoder(w).Encode(report); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestExplain(t *testing.T) {
	address := scheduler(t)
	const (
		web    = "shop/web-deployment was decided 5m ago by default-scheduler\nPlaced: {a:4}\n  filters: 1/1 clusters are available\n"
		reader = "reader-clusterrole would be decided like this now by mine, which does not remember when it did\nPlaced: {a:0}\n"
	)
	tests := []struct {
		name string
		args []string
		want string
	}{
		{name: "kind and name", args: []string{"deployment", "web", "-n", "shop"}, want: web},
		{name: "short kind with a slash", args: []string{"deploy/web", "-n", "shop"}, want: web},
		{name: "binding", args: []string{"rb", "web-deployment", "-n", "shop"}, want: web},
		{name: "kind without namespace", args: []string{"ClusterRole", "reader"}, want: reader},
		{name: "binding without namespace", args: []string{"crb", "reader-clusterrole"}, want: reader},
		{name: "says so", args: []string{"clusterrole", "reader", "--cluster-scoped"}, want: reader},
		{name: "all", want: `BINDING              AGE  PROFILE            OUTCOME       WHERE OR WHY
shop/web-deployment  5m   default-scheduler  Placed        {a:4}
shop/db-statefulset  5m   mine               NoClusterFit  0/3 clusters are available:; 3 cluster(s) were dear
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := connecttest.Run(t, NewCommand(), append([]string{"--scheduler", address}, tt.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExplainExplainsItself(t *testing.T) {
	address := scheduler(t)
	tests := []struct {
		name string
		args []string
		want string
	}{
		{name: "unknown", args: []string{"deployment", "web"}, want: "nothing can be said about binding default/web-deployment: no such binding is known"},
		{name: "no name", args: []string{"deployment"}, want: "KIND and NAME are needed: write deployment nginx, or resourcebinding nginx-deployment"},
		{name: "no kind", args: []string{"/web"}, want: "KIND and NAME are needed: "},
		{name: "too much", args: []string{"a", "b", "c"}, want: "accepts at most 2 arg(s), received 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := connecttest.Run(t, NewCommand(), append([]string{"--scheduler", address}, tt.args...)...)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error is %v, want %s", err, tt.want)
			}
		})
	}
}
