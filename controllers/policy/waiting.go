package policy

import (
	"sync"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	"github.com/longshore-project/longshore/controllers/template"
)

// waiting holds the templates that no policy claims yet, by what selectors ask for. It is safe for concurrent use.
type waiting struct {
	mu     sync.Mutex
	byKind map[kindKey]map[template.Ref]struct{}
}

type kindKey struct{ apiVersion, kind string }

func newWaiting() *waiting {
	return &waiting{byKind: map[kindKey]map[template.Ref]struct{}{}}
}

func keyOf(ref template.Ref) kindKey {
	return kindKey{apiVersion: ref.Kind.GroupVersion().String(), kind: ref.Kind.Kind}
}

func (w *waiting) add(ref template.Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	refs := w.byKind[keyOf(ref)]
	if refs == nil {
		refs = map[template.Ref]struct{}{}
		w.byKind[keyOf(ref)] = refs
	}
	refs[ref] = struct{}{}
}

func (w *waiting) remove(ref template.Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.byKind[keyOf(ref)], ref)
}

// of returns the templates that the policy might select: labels are for the claim controller to check.
func (w *waiting) of(p policyv1alpha1.Policy) []template.Ref {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []template.Ref
	for _, s := range p.PropagationSpec().ResourceSelectors {
		for ref := range w.byKind[kindKey{apiVersion: s.APIVersion, kind: s.Kind}] {
			if mightSelect(p.GetNamespace(), &s, ref) {
				out = append(out, ref)
			}
		}
	}
	return out
}

func mightSelect(policyNamespace string, s *policyv1alpha1.ResourceSelector, ref template.Ref) bool {
	return (policyNamespace == "" || policyNamespace == ref.Namespace) &&
		(s.Namespace == "" || s.Namespace == ref.Namespace) &&
		(s.Name == "" || s.Name == ref.Name)
}
