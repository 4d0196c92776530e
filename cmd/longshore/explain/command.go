// Package explain is the command that says why a workload runs where it runs.
package explain

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/schedulerport"
	"github.com/longshore-project/longshore/scheduler/journal"
)

const (
	long = `Say why a workload runs where it runs, or why it does not run: which clusters were rejected by which plugin, which were
chosen under the spread constraints, and how the replicas were divided, with scores, weights and the room in each cluster.

The scheduler keeps its latest decisions, some thousands at most. For a binding whose decision is older than those, or
than the scheduler, it says how it would decide now. Without a name the command lists the decisions that are kept.`

	example = `  # A template, by its kind and name
  longshore explain deployment nginx
  longshore explain deployment/nginx --namespace shop

  # A binding
  longshore explain resourcebinding nginx-deployment
  longshore explain clusterresourcebinding reader-clusterrole

  # Everything that was decided lately
  longshore explain

  # The scheduler in a cluster
  kubectl -n karmada-system port-forward deploy/longshore-scheduler 10351 &
  longshore explain deployment nginx`
)

// options are the flags.
type options struct {
	schedulerport.Port
	namespace string
	cluster   bool
}

// NewCommand returns `longshore explain`.
func NewCommand() *cobra.Command {
	o := options{}
	cmd := &cobra.Command{
		Use:     "explain [KIND NAME | KIND/NAME]",
		Short:   "Say why a workload runs where it runs",
		Long:    long,
		Example: example,
	}
	o.Bind(cmd)
	cmd.Flags().StringVarP(&o.namespace, "namespace", "n", "default", "namespace of the template or binding")
	cmd.Flags().BoolVar(&o.cluster, "cluster-scoped", false, "the template has no namespace")
	_ = cmd.RegisterFlagCompletionFunc("namespace", cobra.NoFileCompletions)
	cmd.Args = cobra.MaximumNArgs(2)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) }
	return cmd
}

func (o *options) run(cmd *cobra.Command, args []string) error {
	out := cmd.OutOrStdout()
	if len(args) == 0 {
		return o.Show(cmd.Context(), out, journal.ReportPath, nil, func(document []byte) error { return list(out, document) })
	}
	binding, err := o.binding(args)
	if err != nil {
		return err
	}
	parameters := url.Values{journal.ReportParameter: {binding}}
	return o.Show(cmd.Context(), out, journal.ReportPath, parameters, func(document []byte) error { return print(out, binding, document) })
}

// The kinds that are no templates, as kubectl knows them.
var (
	bindings        = []string{"resourcebinding", "resourcebindings", "rb"}
	clusterBindings = []string{"clusterresourcebinding", "clusterresourcebindings", "crb"}
)

// kinds are the short names and plurals of kinds that users type, without asking any API server.
var kinds = map[string]string{
	"deploy": "deployment", "deployments": "deployment", "sts": "statefulset", "statefulsets": "statefulset", "ds": "daemonset", "daemonsets": "daemonset",
	"jobs": "job", "cj": "cronjob", "cronjobs": "cronjob", "rs": "replicaset", "replicasets": "replicaset", "po": "pod", "pods": "pod",
	"svc": "service", "services": "service", "cm": "configmap", "configmaps": "configmap", "secrets": "secret", "sa": "serviceaccount",
	"serviceaccounts": "serviceaccount", "ing": "ingress", "ingresses": "ingress", "pvc": "persistentvolumeclaim", "ns": "namespace",
	"namespaces": "namespace", "clusterroles": "clusterrole", "clusterrolebindings": "clusterrolebinding", "roles": "role", "rolebindings": "rolebinding",
	"crd": "customresourcedefinition", "customresourcedefinitions": "customresourcedefinition",
}

// withoutNamespace are kinds of templates that have none.
var withoutNamespace = []string{"namespace", "clusterrole", "clusterrolebinding", "customresourcedefinition"}

// binding returns namespace/name of the binding that the arguments mean, or the name alone.
func (o *options) binding(args []string) (string, error) {
	if len(args) == 1 {
		args = strings.SplitN(args[0], "/", 2)
	}
	if len(args) < 2 || args[0] == "" || args[1] == "" {
		return "", errors.New("KIND and NAME are needed: write deployment nginx, or resourcebinding nginx-deployment")
	}
	kind, name := strings.ToLower(args[0]), args[1]
	switch {
	case slices.Contains(clusterBindings, kind):
		return name, nil
	case slices.Contains(bindings, kind):
		return o.namespace + "/" + name, nil
	}
	if full, ok := kinds[kind]; ok {
		kind = full
	}
	name = workv1alpha2.BindingName(name, kind)
	if o.cluster || slices.Contains(withoutNamespace, kind) {
		return name, nil
	}
	return o.namespace + "/" + name, nil
}

// print prints the explanation of the one decision in the document.
func print(out io.Writer, binding string, document []byte) error {
	report, err := journal.DecodeReport(document)
	if err != nil {
		return err
	}
	if len(report.Decisions) == 0 {
		return fmt.Errorf("nothing can be said about binding %s: %s", binding, report.Missing)
	}
	d := &report.Decisions[0]
	if d.Time != nil {
		fmt.Fprintf(out, "%s was decided %s ago by %s\n", d.Binding, schedulerport.Ago(report.Time, *d.Time), d.Profile)
	} else {
		fmt.Fprintf(out, "%s would be decided like this now by %s, which does not remember when it did\n", d.Binding, d.Profile)
	}
	_, err = io.WriteString(out, d.Explanation)
	return err
}

func list(out io.Writer, document []byte) error {
	report, err := journal.DecodeReport(document)
	if err != nil {
		return err
	}
	if len(report.Decisions) == 0 {
		fmt.Fprintln(out, "the scheduler has decided nothing since it started")
		return nil
	}
	return table(out, report.Time, report.Decisions)
}

func table(out io.Writer, now time.Time, decisions []journal.Decision) error {
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "BINDING\tAGE\tPROFILE\tOUTCOME\tWHERE OR WHY")
	for i := range decisions {
		d, age := &decisions[i], "-"
		if d.Time != nil {
			age = schedulerport.Ago(now, *d.Time)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", d.Binding, age, d.Profile, d.Outcome, strings.ReplaceAll(d.Message, "\n", "; "))
	}
	return t.Flush()
}
