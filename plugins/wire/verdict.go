package wire

import (
	"fmt"
	"math/bits"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Bounds on what a plugin may say, so that one verdict cannot fill the scheduler's memory or an event.
const (
	maxRejections   = 1024
	maxReasons      = 16
	maxReasonBytes  = 512
	maxCures        = 64
	maxSubjectBytes = 512
	// maxVerdictBytes bounds all reasons and subjects of one answer: a binding that waits keeps them.
	maxVerdictBytes = 64 << 10
)

// FromStatus returns the message of a status, nil for plain success.
func FromStatus(s framework.Status) *pluginv1.Status {
	if s.IsSuccess() && len(s.Reasons) == 0 {
		return nil
	}
	return &pluginv1.Status{Code: pluginv1.Code(s.Code), Reasons: s.Reasons}
}

// ToStatus returns the status of a message; nil stands for success. An unknown code, and a reason that is too long, are errors.
func ToStatus(m *pluginv1.Status) (framework.Status, error) {
	if _, known := pluginv1.Code_name[int32(m.GetCode())]; !known {
		return framework.Status{}, fmt.Errorf("status has unknown code %d", m.GetCode())
	}
	if len(m.GetReasons()) > maxReasons {
		return framework.Status{}, fmt.Errorf("status has %d reasons; at most %d are allowed", len(m.GetReasons()), maxReasons)
	}
	for _, reason := range m.GetReasons() {
		if len(reason) > maxReasonBytes {
			return framework.Status{}, fmt.Errorf("status has a reason of %d bytes; at most %d are allowed", len(reason), maxReasonBytes)
		}
	}
	return framework.Status{Code: framework.Code(m.GetCode()), Reasons: m.GetReasons()}, nil
}

// FromRejections returns the messages of what a filter said.
func FromRejections(rejections []framework.Rejection) []*pluginv1.Rejection {
	out := make([]*pluginv1.Rejection, len(rejections))
	for i, r := range rejections {
		out[i] = &pluginv1.Rejection{Clusters: FromBitset(r.Clusters), Status: FromStatus(r.Status)}
		for _, c := range r.Cures {
			out[i].Cures = append(out[i].Cures, &pluginv1.Cure{Fact: uint32(c.Fact), Subject: c.Subject})
		}
	}
	return out
}

// ToRejections returns the rejections of the messages. Each must carry a refusal and name none but the n clusters that exist.
func ToRejections(messages []*pluginv1.Rejection, n int) ([]framework.Rejection, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	if len(messages) > maxRejections {
		return nil, fmt.Errorf("%d rejections; at most %d are allowed: name all clusters of one reason together", len(messages), maxRejections)
	}
	out, bytes := make([]framework.Rejection, len(messages)), 0
	for i, m := range messages {
		var err error
		if out[i], err = toRejection(m, n); err != nil {
			return nil, fmt.Errorf("rejection %d: %w", i, err)
		}
		if bytes += textOf(&out[i]); bytes > maxVerdictBytes {
			return nil, fmt.Errorf("the rejections have more than %d bytes of reasons and subjects: say less, or reject for fewer reasons", maxVerdictBytes)
		}
	}
	return out, nil
}

// textOf returns how many bytes of text the rejection holds.
func textOf(r *framework.Rejection) int {
	n := 0
	for _, reason := range r.Status.Reasons {
		n += len(reason)
	}
	for _, c := range r.Cures {
		n += len(c.Subject)
	}
	return n
}

func toRejection(m *pluginv1.Rejection, n int) (framework.Rejection, error) {
	clusters, err := ToBitset(m.GetClusters(), n)
	if err != nil {
		return framework.Rejection{}, err
	}
	status, err := ToStatus(m.GetStatus())
	if err != nil {
		return framework.Rejection{}, err
	}
	if status.IsSuccess() {
		return framework.Rejection{}, fmt.Errorf("status is Success, which rejects nothing")
	}
	cures, err := toCures(m.GetCures())
	return framework.Rejection{Clusters: clusters, Status: status, Cures: cures}, err
}

// toCures returns the cures of the messages. Each must name one fact that exists: the queue waits for single facts.
func toCures(messages []*pluginv1.Cure) ([]framework.Cure, error) {
	if len(messages) > maxCures {
		return nil, fmt.Errorf("%d cures; at most %d are allowed", len(messages), maxCures)
	}
	var out []framework.Cure
	for _, c := range messages {
		if f := c.GetFact(); bits.OnesCount32(f) != 1 || f > uint32(framework.AllFacts) {
			return nil, fmt.Errorf("cure names fact %d, which is not one of the facts", f)
		}
		if n := len(c.GetSubject()); n > maxSubjectBytes {
			return nil, fmt.Errorf("cure has a subject of %d bytes; at most %d are allowed", n, maxSubjectBytes)
		}
		out = append(out, framework.Cure{Fact: framework.Facts(c.GetFact()), Subject: c.GetSubject()})
	}
	return out, nil
}

// FromCapacities returns the message of a list of capacities, nil for a nil list.
func FromCapacities(list []framework.Capacity) *pluginv1.Capacities {
	if list == nil {
		return nil
	}
	known := framework.NewBitset(len(list))
	out := &pluginv1.Capacities{Replicas: make([]int64, len(list))}
	for i, c := range list {
		if c.Known {
			known.Set(i)
			out.Replicas[i] = c.Replicas
		}
	}
	out.Known = FromBitset(known)
	return out
}

// FromCapacitiesAt returns the message of the capacities in the given rows of a column, nil for a nil column.
func FromCapacitiesAt(column []framework.Capacity, rows []int32) *pluginv1.Capacities {
	if column == nil {
		return nil
	}
	list := make([]framework.Capacity, len(rows))
	for i, row := range rows {
		list[i] = column[row]
	}
	return FromCapacities(list)
}

// ToCapacitiesAt returns a column of n capacities of which those in the given rows are the message's and all others unknown, or nil for an
// absent message. It is an error when the message does not have one for each of the rows, which must be below n.
func ToCapacitiesAt(m *pluginv1.Capacities, rows []int32, n int) ([]framework.Capacity, error) {
	list, err := ToCapacities(m, len(rows))
	if err != nil || list == nil {
		return nil, err
	}
	column := make([]framework.Capacity, n)
	for i, row := range rows {
		column[row] = list[i]
	}
	return column, nil
}

// ToCapacities returns n capacities, or nil for an absent message. It is an error when the message has another number of them.
func ToCapacities(m *pluginv1.Capacities, n int) ([]framework.Capacity, error) {
	if m == nil {
		return nil, nil
	}
	if len(m.GetReplicas()) != n {
		return nil, fmt.Errorf("%d capacities for %d clusters", len(m.GetReplicas()), n)
	}
	known, err := ToBitset(m.GetKnown(), n)
	if err != nil {
		return nil, err
	}
	out := make([]framework.Capacity, n)
	for i, replicas := range m.GetReplicas() {
		if known.Has(i) {
			out[i] = framework.Capacity{Replicas: replicas, Known: true}
		}
	}
	return out, nil
}
