package loop

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// scan reads of the JSON of a binding what scheduling reads, and shares it through the pool. It is made for what an API server writes, in which
// most bytes are of no interest and most others are the same for many bindings: those are found by their JSON. Each of its methods returns false
// for what it does not understand, null for one; then the binding is to be decoded by encoding/json. What it skips it does not check.
type scan struct {
	pool   *pool
	meta   metav1.ObjectMeta
	spec   workv1alpha2.ResourceBindingSpec
	status workv1alpha2.ResourceBindingStatus
}

func (s *scan) binding(raw []byte) bool {
	return members(raw, func(key, value []byte) bool {
		switch string(key) {
		case "metadata":
			return members(value, s.metadataField)
		case "spec":
			return withRest(value, &s.spec, s.specField)
		case "status":
			return withRest(value, &s.status, s.statusField)
		}
		return true
	})
}

func (s *scan) metadataField(key, value []byte) (ok bool) {
	switch string(key) {
	case "name":
		s.meta.Name, ok = text(value)
	case "namespace":
		s.meta.Namespace, ok = s.shared(value)
	case "uid":
		s.meta.UID, ok = textOf[types.UID](value)
	case "resourceVersion":
		s.meta.ResourceVersion, ok = text(value)
	case "generation":
		s.meta.Generation, ok = number(value, 64)
	case "deletionTimestamp":
		s.meta.DeletionTimestamp, ok = moment(value)
	case "labels":
		return members(value, func(key, _ []byte) bool {
			if slices.Contains(ownershipLabels, string(key)) {
				s.meta.Labels = ownedLabels
			}
			return true
		})
	case "annotations":
		return members(value, s.annotation)
	default:
		return true
	}
	return ok
}

// annotation leaves the mark of a complete list to encoding/json, with all that stands beside it.
func (s *scan) annotation(key, value []byte) bool {
	switch string(key) {
	case metav1.InitialEventsAnnotationKey:
		return false
	case workv1alpha2.AppliedPlacementAnnotation:
		record, err := s.pool.recordOf(value)
		s.meta.Annotations = record
		return err == nil
	}
	if s.meta.Annotations == nil {
		s.meta.Annotations = otherAnnotations
	}
	return true
}

func (s *scan) specField(key, value []byte) (known, ok bool) {
	var err error
	switch string(key) {
	case "requiredBy", "failover", "conflictResolution":
		return true, true
	case "resource":
		return true, members(value, s.resourceField)
	case "replicas":
		n, ok := number(value, 32)
		s.spec.Replicas = int32(n)
		return true, ok
	case "clusters":
		n := 0
		elements(value, func([]byte) bool { n++; return true })
		s.spec.Clusters = make([]workv1alpha2.TargetCluster, 0, n)
		return true, elements(value, s.cluster)
	case "placement":
		s.spec.Placement, err = decoded(s.pool, &s.pool.placements, value)
		return true, err == nil
	case "replicaRequirements":
		s.spec.ReplicaRequirements, err = decoded(s.pool, &s.pool.requirements, value)
		return true, err == nil
	case "schedulerName":
		s.spec.SchedulerName, ok = s.shared(value)
		return true, ok
	}
	return false, true
}

func (s *scan) resourceField(key, value []byte) (ok bool) {
	r := &s.spec.Resource
	switch string(key) {
	case "apiVersion":
		r.APIVersion, ok = s.shared(value)
	case "kind":
		r.Kind, ok = s.shared(value)
	case "namespace":
		r.Namespace, ok = s.shared(value)
	case "name":
		r.Name, ok = text(value)
	case "uid":
		r.UID, ok = textOf[types.UID](value)
	default:
		return true
	}
	return ok
}

func (s *scan) cluster(value []byte) bool {
	var c workv1alpha2.TargetCluster
	ok := members(value, func(key, value []byte) (ok bool) {
		switch string(key) {
		case "name":
			c.Name, ok = s.shared(value)
		case "replicas":
			var n int64
			n, ok = number(value, 32)
			c.Replicas = int32(n)
		case "components":
			var components []workv1alpha2.TargetComponent
			ok = json.Unmarshal(value, &components) == nil
			c.Components = components
		default:
			return true
		}
		return ok
	})
	s.spec.Clusters = append(s.spec.Clusters, c)
	return ok
}

func (s *scan) statusField(key, value []byte) (known, ok bool) {
	switch string(key) {
	case "schedulerObservedGeneration":
		s.status.SchedulerObservedGeneration, ok = number(value, 64)
	case "schedulerObservingAffinityName":
		s.status.SchedulerObservedAffinityName, ok = s.shared(value)
	case "lastScheduledTime":
		s.status.LastScheduledTime, ok = moment(value)
	case "conditions":
		ok = elements(value, s.condition)
	case "aggregatedStatus":
		ok = elements(value, s.item)
	default:
		return false, true
	}
	return true, ok
}

func (s *scan) condition(value []byte) bool {
	var c metav1.Condition
	ok := members(value, func(key, value []byte) (ok bool) {
		var shared string
		switch string(key) {
		case "type":
			c.Type, ok = s.shared(value)
		case "status":
			shared, ok = s.shared(value)
			c.Status = metav1.ConditionStatus(shared)
		case "reason":
			c.Reason, ok = s.shared(value)
		case "message":
			c.Message, ok = s.shared(value)
		case "observedGeneration":
			c.ObservedGeneration, ok = number(value, 64)
		case "lastTransitionTime":
			var t *metav1.Time
			if t, ok = moment(value); ok {
				c.LastTransitionTime = *t
			}
		default:
			return true
		}
		return ok
	})
	s.status.Conditions = append(s.status.Conditions, c)
	return ok
}

func (s *scan) item(value []byte) bool {
	var cluster, health string
	var status []byte
	ok := members(value, func(key, value []byte) (ok bool) {
		switch string(key) {
		case "clusterName":
			cluster, ok = s.shared(value)
		case "health":
			health, ok = s.shared(value)
		case "status":
			status, ok = value, true
		default:
			return true
		}
		return ok
	})
	s.status.AggregatedStatus = append(s.status.AggregatedStatus, s.pool.item(cluster, status, workv1alpha2.ResourceHealth(health)))
	return ok
}

// shared is text that many bindings have.
func (s *scan) shared(value []byte) (string, bool) {
	if inner, plain := unquoted(value); plain {
		return s.pool.stringOf(inner), true
	}
	t, ok := text(value)
	return s.pool.string(t), ok
}

// withRest calls field for each member of the object, and decodes into the target those that it does not know.
func withRest(object []byte, target any, field func(key, value []byte) (known, ok bool)) bool {
	var rest []byte
	ok := members(object, func(key, value []byte) bool {
		known, ok := field(key, value)
		if !known {
			rest = append(append(append(append(append(rest, ','), '"'), key...), '"', ':'), value...)
		}
		return ok
	})
	if !ok || rest == nil {
		return ok
	}
	rest[0] = '{'
	return json.Unmarshal(append(rest, '}'), target) == nil
}

// members calls visit for the members of the JSON object, the key as it stands between its quotes, until that returns false. It reports whether
// it has visited them all.
func members(object []byte, visit func(key, value []byte) bool) bool {
	return each(object, '{', '}', func(i int) (int, bool) {
		after := end(object, i)
		if after < 0 || object[i] != '"' {
			return 0, false
		}
		key := object[i+1 : after-1]
		if i = blank(object, after); i == len(object) || object[i] != ':' {
			return 0, false
		}
		i = blank(object, i+1)
		after = end(object, i)
		return after, after >= 0 && visit(key, object[i:after])
	})
}

// elements calls visit for the elements of the JSON array until that returns false, and reports whether it has visited them all.
func elements(array []byte, visit func(value []byte) bool) bool {
	return each(array, '[', ']', func(i int) (int, bool) {
		after := end(array, i)
		return after, after >= 0 && visit(array[i:after])
	})
}

// each calls item for the beginning of every item between the brackets. Item returns where it ends.
func each(raw []byte, left, right byte, item func(at int) (after int, ok bool)) bool {
	i := blank(raw, 0)
	if i == len(raw) || raw[i] != left {
		return false
	}
	if i = blank(raw, i+1); i < len(raw) && raw[i] == right {
		return blank(raw, i+1) == len(raw)
	}
	for i < len(raw) {
		after, ok := item(i)
		if !ok {
			return false
		}
		if i = blank(raw, after); i == len(raw) {
			break
		}
		switch raw[i] {
		case ',':
			i = blank(raw, i+1)
		case right:
			return blank(raw, i+1) == len(raw)
		default:
			return false
		}
	}
	return false
}

// blank returns the first place from i on that is not white space, len(raw) if there is none.
func blank(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\t' || raw[i] == '\r') {
		i++
	}
	return i
}

// end returns where the JSON value ends that begins at i, -1 if none does.
func end(raw []byte, i int) int {
	if i == len(raw) {
		return -1
	}
	switch raw[i] {
	case '"':
		return endOfString(raw, i)
	case '{', '[':
		return endOfNested(raw, i)
	}
	n := bytes.IndexAny(raw[i:], ",}] \n\t\r")
	switch n {
	case -1:
		return len(raw)
	case 0:
		return -1
	}
	return i + n
}

// endOfNested returns where the object or array ends whose first bracket is at i, -1 if it does not.
func endOfNested(raw []byte, i int) int {
	for depth := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			after := endOfString(raw, i)
			if after < 0 {
				return -1
			}
			i = after - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// endOfString returns where the string ends whose first quote is at i, -1 if it does not.
func endOfString(raw []byte, i int) int {
	for i++; ; i++ {
		n := bytes.IndexByte(raw[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		escapes := 0
		for raw[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
}

// unquoted returns what stands between the quotes, if that is what the string says.
func unquoted(value []byte) (inner []byte, plain bool) {
	if len(value) < 2 || value[0] != '"' || bytes.IndexByte(value, '\\') >= 0 {
		return nil, false
	}
	return value[1 : len(value)-1], true
}

// text returns what the JSON string says.
func text(value []byte) (s string, ok bool) {
	if inner, plain := unquoted(value); plain {
		return string(inner), true
	}
	return s, value[0] == '"' && json.Unmarshal(value, &s) == nil
}

func textOf[S ~string](value []byte) (S, bool) {
	s, ok := text(value)
	return S(s), ok
}

func number(value []byte, bits int) (int64, bool) {
	n, err := strconv.ParseInt(string(value), 10, bits)
	return n, err == nil
}

func moment(value []byte) (*metav1.Time, bool) {
	t := new(metav1.Time)
	return t, value[0] == '"' && t.UnmarshalJSON(value) == nil
}
