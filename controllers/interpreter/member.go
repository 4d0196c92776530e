package interpreter

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// member is what one cluster reported. A nil status means that it has not reported yet. Its readers' errors name the cluster. Without a
// cluster it is the template itself.
type member struct {
	cluster string
	status  map[string]any
}

// decodeMembers returns one member for each item, sorted by cluster so that the order of items never matters.
func decodeMembers(items []workv1alpha2.AggregatedStatusItem) ([]member, error) {
	members := make([]member, 0, len(items))
	for i := range items {
		m := member{cluster: items[i].ClusterName}
		if status := items[i].Status; status != nil && len(bytes.TrimSpace(status.Raw)) > 0 {
			// This decoder keeps whole numbers whole.
			if err := json.Unmarshal(status.Raw, &m.status); err != nil {
				return nil, m.errorf("decoding: %w", err)
			}
		}
		members = append(members, m)
	}
	slices.SortStableFunc(members, func(a, b member) int { return strings.Compare(a.cluster, b.cluster) })
	return members, nil
}

func (m member) errorf(format string, args ...any) error {
	if m.cluster == "" {
		return fmt.Errorf("reading the template's own status: %w", fmt.Errorf(format, args...))
	}
	return fmt.Errorf("reading the status reported by member %q: %w", m.cluster, fmt.Errorf(format, args...))
}

func (m member) int(field string) (int64, error) {
	value, err := intAt(m.status, field)
	if err != nil {
		return 0, m.errorf("%w", err)
	}
	return value, nil
}

func (m member) string(field string) (string, error) {
	value, err := stringAt(m.status, field)
	if err != nil {
		return "", m.errorf("%w", err)
	}
	return value, nil
}

func (m member) entries(path ...string) ([]map[string]any, error) {
	list, err := listAt(m.status, path...)
	if err != nil {
		return nil, m.errorf("%w", err)
	}
	found, err := entries(list, strings.Join(path, "."))
	if err != nil {
		return nil, m.errorf("%w", err)
	}
	return found, nil
}

// time returns the zero time if the field is absent.
func (m member) time(field string) (time.Time, error) {
	text, err := m.string(field)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	value, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, m.errorf("reading .%s: %w", field, err)
	}
	return value, nil
}

// formatTime writes a time as the API server does.
func formatTime(t time.Time) string {
	return t.UTC().Format(time.RFC3339)
}

// latestTime returns the latest time in the field over all members, zero if none has it.
func latestTime(members []member, field string) (time.Time, error) {
	var latest time.Time
	for _, m := range members {
		value, err := m.time(field)
		if err != nil {
			return time.Time{}, err
		}
		if value.After(latest) {
			latest = value
		}
	}
	return latest, nil
}

// mergeStatus writes fields into template's status and says whether any of them changed. An absent field equals an empty one, because the
// API server omits zero values.
func mergeStatus(template *unstructured.Unstructured, fields map[string]any) (changed bool, err error) {
	status, err := mapAt(template.Object, "status")
	if err != nil {
		return false, err
	}
	for name, value := range fields {
		if sameValue(status[name], value) {
			continue
		}
		if status == nil {
			status = map[string]any{}
			template.Object["status"] = status
		}
		status[name] = value
		changed = true
	}
	return changed, nil
}

// sameValue compares values as the API server sees them: on every level an absent or empty field equals one that the server left out or
// filled in as empty, and a number's Go type does not matter.
func sameValue(a, b any) bool {
	if isEmpty(a) || isEmpty(b) {
		return isEmpty(a) && isEmpty(b)
	}
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && sameFields(x, y)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, sameValue)
	default:
		m, mIsNumber := wholeNumber(a)
		n, nIsNumber := wholeNumber(b)
		if mIsNumber && nIsNumber {
			return m == n
		}
		return reflect.DeepEqual(a, b)
	}
}

func sameFields(a, b map[string]any) bool {
	for name, value := range a {
		if !sameValue(value, b[name]) {
			return false
		}
	}
	for name, value := range b {
		if _, ok := a[name]; !ok && !isEmpty(value) {
			return false
		}
	}
	return true
}
