package template

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/controllers/namespace"
)

var builtinSkippedGroups = sets.New(
	"cluster.karmada.io", "policy.karmada.io", "work.karmada.io", "config.karmada.io", "networking.karmada.io",
	"autoscaling.karmada.io", "remedy.karmada.io", "apps.karmada.io", "longshore.dev", "events.k8s.io",
)

var builtinSkippedKinds = sets.New(
	schema.GroupVersionKind{Version: "v1", Kind: "Event"},
	schema.GroupVersionKind{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease"},
)

// Scope decides which objects are templates. The zero value skips only what is never a template;
// [ParseScope] builds one from flags. It is immutable and safe for concurrent use.
type Scope struct {
	groups     sets.Set[string]
	versions   sets.Set[schema.GroupVersion]
	kinds      sets.Set[schema.GroupVersionKind]
	namespaces namespace.Skip
}

// ParseScope reads the value of --skipped-propagating-apis (group, group/version or group/version/kind[,kind],
// separated by ';'; a bare version such as v1 means the core group). Nothing in the skipped namespaces is a template.
func ParseScope(skippedAPIs string, skipped namespace.Skip) (*Scope, error) {
	s := &Scope{
		groups:   sets.New[string](),
		versions: sets.New[schema.GroupVersion](),
		kinds:    sets.New[schema.GroupVersionKind](),

		namespaces: skipped,
	}
	for api := range strings.SplitSeq(skippedAPIs, ";") {
		if err := s.skipAPI(strings.TrimSpace(api)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

var coreVersion = regexp.MustCompile(`^v[0-9]+((alpha|beta)[0-9]+)?$`)

func (s *Scope) skipAPI(api string) error {
	if api == "" {
		return nil
	}
	parts := strings.Split(api, "/")
	if coreVersion.MatchString(parts[0]) {
		parts = append([]string{""}, parts...)
	}
	switch len(parts) {
	case 1:
		s.groups.Insert(parts[0])
	case 2:
		s.versions.Insert(schema.GroupVersion{Group: parts[0], Version: parts[1]})
	case 3:
		for kind := range strings.SplitSeq(parts[2], ",") {
			s.kinds.Insert(schema.GroupVersionKind{Group: parts[0], Version: parts[1], Kind: strings.TrimSpace(kind)})
		}
	default:
		return fmt.Errorf("reading skipped API %q: expected group, group/version or group/version/kind", api)
	}
	return nil
}

// IncludesKind reports whether objects of the kind may be templates.
func (s *Scope) IncludesKind(gvk schema.GroupVersionKind) bool {
	if builtinSkippedGroups.Has(gvk.Group) || builtinSkippedKinds.Has(gvk) {
		return false
	}
	return !s.groups.Has(gvk.Group) && !s.versions.Has(gvk.GroupVersion()) && !s.kinds.Has(gvk)
}

// Includes reports whether obj, whose kind is included, is a template: it is not in a reserved or skipped namespace
// and no other API owns it. A Namespace object is judged by its own name.
func (s *Scope) Includes(obj *unstructured.Unstructured) bool {
	home := obj.GetNamespace()
	if home == "" && obj.GetKind() == "Namespace" {
		home = obj.GetName()
	}
	return s.includesNamespace(home) && obj.GetLabels()[workv1alpha1.ClaimedByLabel] == ""
}

func (s *Scope) includesNamespace(name string) bool {
	return name == "" || !workv1alpha1.IsReservedNamespace(name) && !s.namespaces.Matches(name)
}
