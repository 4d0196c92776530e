package perf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// observer watches the bindings of one namespace and takes down when each is seen to be placed for the first time.
type observer struct {
	stop context.CancelFunc

	mu     sync.Mutex
	placed map[string]time.Time
	want   int
	err    error
	// done is closed when all wanted bindings are placed or the watch has ended.
	done chan struct{}
	// closed guards done.
	closed bool
}

// change is what the observer reads of an event of the watch.
type change struct {
	Type   string `json:"type"`
	Object struct {
		Message  string `json:"message"`
		Metadata struct {
			Name            string `json:"name"`
			Generation      int64  `json:"generation"`
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Status struct {
			SchedulerObservedGeneration int64 `json:"schedulerObservedGeneration"`
			Conditions                  []struct {
				Type   string `json:"type"`
				Status string `json:"status"`
			} `json:"conditions"`
		} `json:"status"`
	} `json:"object"`
}

// placed reports whether the binding is placed as its present spec asks.
func (c *change) placed() bool {
	status := &c.Object.Status
	if status.SchedulerObservedGeneration == 0 || status.SchedulerObservedGeneration != c.Object.Metadata.Generation {
		return false
	}
	for _, condition := range status.Conditions {
		if condition.Type == "Scheduled" {
			return condition.Status == "True"
		}
	}
	return false
}

// observe watches from now on until want bindings are placed or ctx ends. Call end when it is not needed any more.
func (s *Server) observe(ctx context.Context, namespace string, want int) (*observer, error) {
	client := s.plain.CoreV1().RESTClient()
	path := "/apis/work.karmada.io/v1alpha2/namespaces/" + namespace + "/resourcebindings"
	var now struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	text, err := client.Get().AbsPath(path).Param("limit", "1").DoRaw(ctx)
	if err = errors.Join(err, json.Unmarshal(text, &now)); err != nil {
		return nil, fmt.Errorf("finding the state of the bindings: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	o := &observer{stop: stop, placed: make(map[string]time.Time, want), want: want, done: make(chan struct{})}
	go o.follow(ctx, now.Metadata.ResourceVersion, func(version string) *rest.Request {
		return client.Get().AbsPath(path).Param("watch", "1").Param("timeoutSeconds", "36000").Param("resourceVersion", version)
	})
	return o, nil
}

// follow watches from the given version on. An API server may end a watch at any time, and does so soon after a kind was defined, and a connection
// may be lost when the machine is busy; it is then taken up where it was.
func (o *observer) follow(ctx context.Context, version string, watch func(version string) *rest.Request) {
	for {
		stream, err := watch(version).Stream(ctx)
		if err == nil {
			version, err = o.read(stream, version)
			stream.Close()
		}
		if err != nil {
			o.finish(fmt.Errorf("watching the bindings: %w", err))
			return
		}
	}
}

// read takes down what the stream tells, and returns the last version that it has seen when the stream ends.
func (o *observer) read(stream io.Reader, version string) (string, error) {
	for decoder := json.NewDecoder(stream); ; {
		var c change
		switch err := decoder.Decode(&c); {
		case isMalformed(err):
			return version, err
		case err != nil:
			return version, nil
		case c.Type == "ERROR":
			return version, errors.New(c.Object.Message)
		}
		version = c.Object.Metadata.ResourceVersion
		if c.placed() {
			o.note(c.Object.Metadata.Name, time.Now())
		}
	}
}

// isMalformed tells what is no JSON, or not the JSON of an event, from a stream that has ended.
func isMalformed(err error) bool {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, kind := errors.AsType[*json.UnmarshalTypeError](err)
	return syntax || kind
}

func (o *observer) note(name string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, known := o.placed[name]; known {
		return
	}
	o.placed[name] = now
	if len(o.placed) == o.want {
		o.close()
	}
}

// finish ends the observation with an error, unless everything was seen by then.
func (o *observer) finish(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.err = err
		o.close()
	}
}

func (o *observer) close() {
	if !o.closed {
		o.closed = true
		close(o.done)
	}
}

// await returns when each binding was placed, by name, as soon as all are. Gone is closed when the writer has ended.
func (o *observer) await(ctx context.Context, gone <-chan struct{}) (map[string]time.Time, error) {
	var err error
	select {
	case <-o.done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-gone:
		err = errors.New("the writer has ended")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err = errors.Join(err, o.err); err != nil {
		return nil, fmt.Errorf("waiting until all are placed: %d of %d are: %w", len(o.placed), o.want, err)
	}
	return o.placed, nil
}

// end ends the watch.
func (o *observer) end() { o.stop() }
