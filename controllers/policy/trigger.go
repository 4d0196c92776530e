package policy

import (
	"maps"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	"github.com/longshore-project/longshore/controllers/template"
)

// triggers remembers why templates are in the queue, which holds only their names.
type triggers struct {
	mu   sync.Mutex
	seen map[template.Ref]Trigger
}

func newTriggers() *triggers {
	return &triggers{seen: map[template.Ref]Trigger{}}
}

func (t *triggers) add(ref template.Ref, trigger Trigger) {
	if trigger == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[ref] |= trigger
}

func (t *triggers) take(ref template.Ref) Trigger {
	t.mu.Lock()
	defer t.mu.Unlock()
	trigger := t.seen[ref]
	delete(t.seen, ref)
	return trigger
}

// triggerOf classifies a template event. A template that existed before this process did is not a user's change if it
// is claimed already: a restart must not activate what lazy policies hold back.
func triggerOf(e template.Event) Trigger {
	switch {
	case e.New == nil:
		return 0
	case e.Old == nil && e.Initial && ClaimOf(e.New) != (Claim{}):
		return 0
	case e.Old == nil:
		return TemplateChanged
	}
	if changedByUser(e.Old, e.New) {
		return TemplateChanged
	}
	return 0
}

// changedByUser reports whether anything changed beside status, generation and the metadata that the control plane
// itself writes.
func changedByUser(before, after *unstructured.Unstructured) bool {
	return !maps.EqualFunc(userPart(before.Object), userPart(after.Object), equal) ||
		!maps.Equal(userKeys(before.GetLabels()), userKeys(after.GetLabels())) ||
		!maps.Equal(userKeys(before.GetAnnotations()), userKeys(after.GetAnnotations()))
}

func equal(a, b any) bool { return equality.Semantic.DeepEqual(a, b) }

func userPart(object map[string]any) map[string]any {
	out := maps.Clone(object)
	delete(out, "metadata")
	delete(out, "status")
	return out
}

func userKeys(m map[string]string) map[string]string {
	out := maps.Clone(m)
	maps.DeleteFunc(out, func(key, _ string) bool {
		return strings.Contains(key, ".karmada.io") && key != policyv1alpha1.SkipAutoPropagationLabel
	})
	return out
}
