package interpreter

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// Types of a Job's conditions. The API server accepts Failed only beside FailureTarget and Complete only beside SuccessCriteriaMet.
const (
	jobFailed        = "Failed"
	jobFailureTarget = "FailureTarget"
	jobComplete      = "Complete"
	jobSuccess       = "SuccessCriteriaMet"
)

var jobStatusFields = []string{"active", "succeeded", "failed", "conditions", "startTime", "completionTime"}

type job struct{}

func (job) replicas(obj *unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error) {
	parallelism, err := replicasAt(obj.Object, "spec", "parallelism")
	if err != nil {
		return 0, nil, err
	}
	completions, capped, err := optionalIntAt(obj.Object, "spec", "completions")
	if err != nil {
		return 0, nil, err
	}
	if capped && completions < int64(parallelism) {
		parallelism = int32(max(completions, 0))
	}
	requirements, err := requirementsOf(obj, podTemplatePath)
	return parallelism, requirements, err
}

func (job) revise(obj *unstructured.Unstructured, replicas int32) error {
	return setField(obj, int64(replicas), "spec", "parallelism")
}

// retain keeps the selector that the member generated and the labels that go with it: both are immutable.
func (job) retain(desired, observed *unstructured.Unstructured) error {
	if err := copyField(desired, observed, "spec", "selector", "matchLabels"); err != nil {
		return err
	}
	return copyField(desired, observed, "spec", "template", "metadata", "labels")
}

func (job) reflect(obj *unstructured.Unstructured) (any, error) {
	return pickStatus(obj, jobStatusFields...)
}

// aggregate never touches a finished Job. Its other rules obey those that the API server has for a Job's status: succeeded and failed
// never decrease (a member may leave the placement and take its numbers with it), a start time once set stays, and a finished Job has no
// active pods.
func (job) aggregate(template *unstructured.Unstructured, members []member) (map[string]any, error) {
	own := member{status: statusMap(template)}
	outcome, err := own.outcome()
	if err != nil || outcome.finished() {
		return nil, err
	}
	fields, err := jobCounts(own, members)
	if err != nil {
		return nil, err
	}
	verdict, err := jobVerdict(members)
	if err != nil {
		return nil, err
	}
	if err := jobTimes(fields, own, members, verdict); err != nil {
		return nil, err
	}
	if !verdict.finished() {
		return fields, nil
	}
	fields["active"] = int64(0)
	return fields, jobConditions(fields, own, verdict)
}

func jobCounts(own member, members []member) (map[string]any, error) {
	fields, err := counters{"active", "succeeded", "failed"}.sum(members)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"succeeded", "failed"} {
		before, err := own.int(name)
		if err != nil {
			return nil, err
		}
		if before > fields[name].(int64) {
			fields[name] = before
		}
	}
	return fields, nil
}

// outcome is how a Job, or all Jobs together, ended. The zero value means that it still runs.
type outcome struct {
	complete bool
	failed   []string  // clusters
	since    time.Time // zero if unknown
}

func (o outcome) finished() bool {
	return o.complete || len(o.failed) > 0
}

func (m member) outcome() (outcome, error) {
	conditions, err := m.entries("conditions")
	if err != nil {
		return outcome{}, err
	}
	for _, condition := range conditions {
		if condition["status"] != "True" {
			continue
		}
		transition := member{cluster: m.cluster, status: condition}
		switch condition["type"] {
		case jobFailed:
			since, err := transition.time("lastTransitionTime")
			return outcome{failed: []string{m.cluster}, since: since}, err
		case jobComplete:
			since, err := transition.time("lastTransitionTime")
			return outcome{complete: true, since: since}, err
		}
	}
	return outcome{}, nil
}

// jobVerdict is failed, since the earliest failure, if any member failed; complete, since the last completion, if all members are.
func jobVerdict(members []member) (outcome, error) {
	var failed, complete outcome
	completed := 0
	for _, m := range members {
		one, err := m.outcome()
		if err != nil {
			return outcome{}, err
		}
		switch {
		case len(one.failed) > 0:
			failed.failed = append(failed.failed, m.cluster)
			failed.since = earlier(failed.since, one.since)
		case one.complete:
			completed++
			complete.since = later(complete.since, one.since)
		}
	}
	if len(failed.failed) > 0 {
		return failed, nil
	}
	complete.complete = len(members) > 0 && completed == len(members)
	return complete, nil
}

// jobTimes adds startTime, the earliest, once all members have started or the Job is finished, and completionTime, the latest, once all are
// complete.
func jobTimes(fields map[string]any, own member, members []member, verdict outcome) error {
	var start time.Time
	started := 0
	for _, m := range members {
		value, err := m.time("startTime")
		if err != nil {
			return err
		}
		if !value.IsZero() {
			started++
		}
		start = earlier(start, value)
	}
	if own.status["startTime"] == nil && !start.IsZero() && (started == len(members) || verdict.finished()) {
		fields["startTime"] = formatTime(start)
	}
	if !verdict.complete {
		return nil
	}
	completion, err := latestTime(members, "completionTime")
	if err == nil && !completion.IsZero() {
		fields["completionTime"] = formatTime(completion)
	}
	return err
}

func jobConditions(fields map[string]any, own member, verdict outcome) error {
	kept, err := own.entries("conditions")
	if err != nil {
		return err
	}
	types, reason, message := []string{jobSuccess, jobComplete}, "Completed", "the Job is complete in all members"
	if !verdict.complete {
		types, reason = []string{jobFailureTarget, jobFailed}, "JobFailed"
		message = fmt.Sprintf("the Job failed in %s", strings.Join(verdict.failed, ", "))
	}
	conditions := make([]any, 0, len(kept)+2)
	for _, condition := range kept {
		if condition["type"] != types[0] && condition["type"] != types[1] {
			conditions = append(conditions, runtime.DeepCopyJSONValue(condition))
		}
	}
	for _, name := range types {
		condition := map[string]any{"type": name, "status": "True", "reason": reason, "message": message}
		if !verdict.since.IsZero() {
			condition["lastTransitionTime"] = formatTime(verdict.since)
			condition["lastProbeTime"] = formatTime(verdict.since)
		}
		conditions = append(conditions, condition)
	}
	fields["conditions"] = conditions
	return nil
}

func (job) dependencies(obj *unstructured.Unstructured) ([]Dependency, error) {
	return podReferences(obj, podTemplatePath)
}

// prune drops the selector and the labels which the API server generates unless the user asked to set them by hand: they hold the
// template's UID, and each member generates its own. It also drops the time to live, because an object that deletes itself in a member
// would be created again and again.
func (job) prune(obj *unstructured.Unstructured) {
	unstructured.RemoveNestedField(obj.Object, "spec", "ttlSecondsAfterFinished")
	if manual, _ := boolAt(obj.Object, "spec", "manualSelector"); manual {
		return
	}
	unstructured.RemoveNestedField(obj.Object, "spec", "selector")
	labels, err := mapAt(obj.Object, "spec", "template", "metadata", "labels")
	if err != nil || labels == nil {
		return
	}
	for _, key := range generatedJobLabels {
		delete(labels, key)
	}
	removeEmpty(obj.Object, "spec", "template", "metadata", "labels")
}

var generatedJobLabels = []string{
	"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name",
}

// earlier ignores zero times.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
