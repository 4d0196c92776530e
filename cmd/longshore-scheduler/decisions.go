package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/longshore-project/longshore/scheduler/journal"
	"github.com/longshore-project/longshore/scheduler/loop"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// explainer tells what was decided.
type explainer struct {
	journal *journal.Journal
	loop    *loop.Loop
}

// ServeHTTP tells as a journal.Report what was decided about the binding of the request or, if that is not known any more, how it would be
// decided now; without a binding it tells of all decisions that are known.
func (e *explainer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	binding := r.URL.Query().Get(journal.ReportParameter)
	if binding == "" {
		tell(w, r, journal.NewReport(time.Now(), e.journal.Decisions()...))
		return
	}
	if d, ok := e.journal.Decision(binding); ok {
		tell(w, r, journal.NewReport(time.Now(), d))
		return
	}
	namespace, name, namespaced := strings.Cut(binding, "/")
	key := queue.Key{Namespace: namespace, Name: name}
	if !namespaced {
		key = queue.Key{Name: binding}
	}
	made, profile, err := e.loop.Reconsider(r.Context(), key)
	if err != nil {
		report := journal.NewReport(time.Now())
		report.Missing = err.Error()
		tell(w, r, report)
		return
	}
	tell(w, r, journal.NewReport(time.Now(), journal.Describe(binding, profile, &made)))
}
