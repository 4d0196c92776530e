package interpreter

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

type cronJob struct{}

func (cronJob) aggregate(_ *unstructured.Unstructured, members []member) (map[string]any, error) {
	active, err := concatenate(members, "active")
	if err != nil {
		return nil, err
	}
	fields := map[string]any{"active": active}
	for _, name := range []string{"lastScheduleTime", "lastSuccessfulTime"} {
		latest, err := latestTime(members, name)
		if err != nil {
			return nil, err
		}
		if !latest.IsZero() {
			fields[name] = formatTime(latest)
		}
	}
	return fields, nil
}

func (cronJob) dependencies(obj *unstructured.Unstructured) ([]Dependency, error) {
	return podReferences(obj, []string{"spec", "jobTemplate", "spec", "template", "spec"})
}

// concatenate joins the lists in the field of all members, in the order of their names.
func concatenate(members []member, field string) ([]any, error) {
	var joined []any
	for _, m := range members {
		found, err := m.entries(field)
		if err != nil {
			return nil, err
		}
		for _, entry := range found {
			joined = append(joined, entry)
		}
	}
	return joined, nil
}
