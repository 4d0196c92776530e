package interpreter

import (
	"testing"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

func TestAggregateJob(t *testing.T) {
	const fresh = `{apiVersion: batch/v1, kind: Job, metadata: {name: a}}`
	testAggregate(t, []aggregateTest{
		{
			"running everywhere", fresh,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"active":2,"succeeded":1,"startTime":"2026-01-01T00:00:05Z"}`),
				item("m2", `{"active":1,"failed":1,"startTime":"2026-01-01T00:00:01Z"}`),
			},
			`{active: 3, succeeded: 1, failed: 1, startTime: "2026-01-01T00:00:01Z"}`,
		},
		{
			"one member has not started", fresh,
			[]workv1alpha2.AggregatedStatusItem{item("m1", `{"active":2,"startTime":"2026-01-01T00:00:05Z"}`), item("m2", ``)},
			`{active: 2}`,
		},
		{
			"a start time once set stays, and counts of a member that left remain",
			`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: {active: 1, succeeded: 3, failed: 2, startTime: "2026-01-01T00:00:05Z"}}`,
			[]workv1alpha2.AggregatedStatusItem{item("m1", `{"active":2,"succeeded":1,"startTime":"2026-01-01T00:00:01Z"}`)},
			`{active: 2, succeeded: 3, failed: 2, startTime: "2026-01-01T00:00:05Z"}`,
		},
		{
			"one complete, one running", fresh,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"succeeded":1,"startTime":"2026-01-01T00:00:01Z","completionTime":"2026-01-01T00:01:00Z","conditions":[{"type":"Complete","status":"True"}]}`),
				item("m2", `{"active":1,"startTime":"2026-01-01T00:00:02Z","conditions":[{"type":"Complete","status":"False"}]}`),
			},
			`{active: 1, succeeded: 1, startTime: "2026-01-01T00:00:01Z"}`,
		},
		{
			"all complete",
			`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: {active: 2, startTime: "2026-01-01T00:00:01Z", conditions: [{type: Suspended, status: "False"}]}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"succeeded":1,"startTime":"2026-01-01T00:00:01Z","completionTime":"2026-01-01T00:01:00Z","conditions":[{"type":"SuccessCriteriaMet","status":"True"},{"type":"Complete","status":"True","lastTransitionTime":"2026-01-01T00:01:01Z"}]}`),
				item("m2", `{"succeeded":2,"startTime":"2026-01-01T00:00:02Z","completionTime":"2026-01-01T00:02:00Z","conditions":[{"type":"Complete","status":"True","lastTransitionTime":"2026-01-01T00:02:02Z"}]}`),
			},
			`{active: 0, succeeded: 3, startTime: "2026-01-01T00:00:01Z", completionTime: "2026-01-01T00:02:00Z", conditions: [
{type: Suspended, status: "False"},
{type: SuccessCriteriaMet, status: "True", reason: Completed, message: the Job is complete in all members, lastTransitionTime: "2026-01-01T00:02:02Z", lastProbeTime: "2026-01-01T00:02:02Z"},
{type: Complete, status: "True", reason: Completed, message: the Job is complete in all members, lastTransitionTime: "2026-01-01T00:02:02Z", lastProbeTime: "2026-01-01T00:02:02Z"}]}`,
		},
		{
			"failed in two members while another runs and one has not reported", fresh,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"failed":1,"startTime":"2026-01-01T00:00:01Z","conditions":[{"type":"Failed","status":"True","lastTransitionTime":"2026-01-01T00:01:01Z"}]}`),
				item("m2", `{"active":3,"startTime":"2026-01-01T00:00:02Z"}`),
				item("m3", `{"failed":2,"startTime":"2026-01-01T00:00:00Z","conditions":[{"type":"Failed","status":"True","lastTransitionTime":"2026-01-01T00:00:09Z"}]}`),
				item("m4", ``),
			},
			`{failed: 3, startTime: "2026-01-01T00:00:00Z", conditions: [
{type: FailureTarget, status: "True", reason: JobFailed, message: "the Job failed in m1, m3", lastTransitionTime: "2026-01-01T00:00:09Z", lastProbeTime: "2026-01-01T00:00:09Z"},
{type: Failed, status: "True", reason: JobFailed, message: "the Job failed in m1, m3", lastTransitionTime: "2026-01-01T00:00:09Z", lastProbeTime: "2026-01-01T00:00:09Z"}]}`,
		},
		{
			"a finished Job is never touched",
			`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: {succeeded: 1, conditions: [{type: Complete, status: "True"}]}}`,
			[]workv1alpha2.AggregatedStatusItem{item("m1", `{"active":5}`)},
			``,
		},
		{"no members", fresh, nil, ``},
	})
}
