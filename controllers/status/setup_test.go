package status

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/longshore-project/longshore/controllers/template"
	"github.com/longshore-project/longshore/controllers/template/written"
)

// What was written to a template is remembered until its cache shows it, or until the template is gone: otherwise every Job that ever finished
// would stay in memory.
func TestTemplatesThatAreGoneAreForgotten(t *testing.T) {
	ref := template.Ref{Kind: schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}, Namespace: "shop", Name: "once"}
	obj := &unstructured.Unstructured{Object: map[string]any{}}
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer queue.ShutDown()
	for _, tt := range []struct {
		name  string
		event template.Event
		want  bool
	}{
		{name: "changed", event: template.Event{Ref: ref, Old: obj, New: obj}, want: true},
		{name: "deleted", event: template.Event{Ref: ref, Old: obj}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &Controller{templates: written.New[template.Ref]()}
			c.templates.Set(ref, "7")
			c.onTemplate(tt.event, queue)
			if got := c.templates.Ahead(ref, "6"); got != tt.want {
				t.Errorf("the version is remembered: %t, want %t", got, tt.want)
			}
		})
	}
}
