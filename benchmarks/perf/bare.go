package perf

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/loop"
)

// job is what the bare writer writes for one binding. A job without a name means: begin.
type job struct {
	// Path of the binding at the API server.
	Path string `json:"path,omitempty"`
	// Spec is a JSON patch, Status a JSON merge patch of the status in which versionMark stands for the version that the first patch makes.
	Spec   json.RawMessage `json:"spec,omitempty"`
	Status json.RawMessage `json:"status,omitempty"`
}

const versionMark = "@version@"

// twin returns the job that writes into b what the scheduler wrote into the like binding result: the same operations upon the same guards.
func twin(b, result *workv1alpha2.ResourceBinding) (job, error) {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	spec, err1 := json.Marshal([]operation{
		{"test", "/metadata/uid", b.UID},
		{"test", "/metadata/generation", b.Generation},
		{"add", "/spec/clusters", result.Spec.Clusters},
		{"add", "/metadata/annotations/policy.karmada.io~1applied-placement", result.Annotations[workv1alpha2.AppliedPlacementAnnotation]},
	})
	status, err2 := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": versionMark, "uid": b.UID},
		"status": map[string]any{
			"conditions": result.Status.Conditions, "lastScheduledTime": result.Status.LastScheduledTime,
			"schedulerObservedGeneration": result.Status.SchedulerObservedGeneration,
		},
	})
	path := "/apis/work.karmada.io/v1alpha2/namespaces/" + b.Namespace + "/resourcebindings/" + b.Name
	return job{Path: path, Spec: spec, Status: status}, errors.Join(err1, err2)
}

// bareEnv tells a process that it is a bare writer, and where the API server is.
const bareEnv = "LONGSHORE_PERF_BARE_WRITER"

// BareWriter is the program of the bare writer, if this process was started as one: it ends the process then. A test binary calls it first of
// all in TestMain, so that it can start itself as the bare writer.
func BareWriter() {
	kubeconfig := os.Getenv(bareEnv)
	if kubeconfig == "" {
		return
	}
	if err := writeJobs(context.Background(), kubeconfig, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bare writer:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// bareReport is what the bare writer has used since it began.
type bareReport struct {
	CPU  time.Duration `json:"cpu"`
	Peak int64         `json:"peak"`
}

// writeJobs does the jobs that it reads, as many at once as the scheduler writes results at once, and reports at their end. It begins when it is
// told to.
func writeJobs(ctx context.Context, kubeconfig string, in io.Reader, out io.Writer) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // It keeps next to nothing; at the default it would collect garbage all the time.
	var before usage
	jobs := make(chan job, 1<<20) // Holds all jobs until the begin.
	group, ctx := errgroup.WithContext(ctx)
	work := func() error {
		for j := range jobs {
			if err := j.do(ctx, client, config.Host); err != nil {
				return err
			}
		}
		return nil
	}
	for decoder := json.NewDecoder(in); ; {
		var j job
		err := decoder.Decode(&j)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading a job: %w", err)
		}
		if j.Path != "" {
			jobs <- j
			continue
		}
		runtime.GC() // What reading the jobs has left behind is not part of writing them.
		if before, err = usageOf(os.Getpid()); err != nil {
			return err
		}
		for range loop.DefaultCommitters {
			group.Go(work)
		}
	}
	close(jobs)
	if err := group.Wait(); err != nil {
		return err
	}
	now, err := usageOf(os.Getpid())
	return errors.Join(err, json.NewEncoder(out).Encode(bareReport{now.cpu - before.cpu, now.peak}))
}

// do makes the two writes.
func (j *job) do(ctx context.Context, client *http.Client, host string) error {
	answer, err := patch(ctx, client, host+j.Path, "application/json-patch+json", j.Spec)
	if err != nil {
		return err
	}
	// The resource of the template has a version too, but metadata comes before spec.
	_, rest, ok := bytes.Cut(answer, []byte(`"resourceVersion":"`))
	version, _, closed := bytes.Cut(rest, []byte(`"`))
	if !ok || !closed {
		return fmt.Errorf("patching %s: the answer names no version: %s", j.Path, answer)
	}
	status := bytes.Replace(j.Status, []byte(versionMark), version, 1)
	_, err = patch(ctx, client, host+j.Path+"/status", "application/merge-patch+json", status)
	return err
}

func patch(ctx context.Context, client *http.Client, url, kind string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", kind)
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("patching %s: %s: %s", url, response.Status, answer)
	}
	return answer, err
}

// bare is a running bare writer.
type bare struct {
	cmd *exec.Cmd
	// results are those of the scheduler, by the name of the binding.
	results map[string]*workv1alpha2.ResourceBinding
	out     bytes.Buffer
	log     bytes.Buffer
	ended   chan struct{}
	failure error

	mu   sync.Mutex
	in   io.WriteCloser
	send *json.Encoder
}

// startBare starts this test binary as a bare writer.
func startBare(kubeconfig string, results map[string]*workv1alpha2.ResourceBinding) (*bare, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the bare writer: %w", err)
	}
	w := &bare{cmd: exec.Command(self), results: results, ended: make(chan struct{})}
	w.cmd.Env = append(os.Environ(), bareEnv+"="+kubeconfig)
	w.cmd.Stdout, w.cmd.Stderr = &w.out, &w.log
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	w.send = json.NewEncoder(w.in)
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the bare writer: %w", err)
	}
	go func() {
		w.failure = w.cmd.Wait()
		close(w.ended)
	}()
	return w, nil
}

// begin lets it write what it was offered and will be offered.
func (w *bare) begin(context.Context, bool) error { return w.tell(job{}) }

// offer gives it a binding to write.
func (w *bare) offer(b *workv1alpha2.ResourceBinding) error {
	result := w.results[b.Name]
	if result == nil {
		return fmt.Errorf("nothing is known that could be written into %s", b.Name)
	}
	j, err := twin(b, result)
	if err != nil {
		return err
	}
	return w.tell(j)
}

func (w *bare) tell(j job) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.send.Encode(j); err != nil {
		return fmt.Errorf("talking to the bare writer: %w", err)
	}
	return nil
}

func (w *bare) gone() <-chan struct{} { return w.ended }

// finish ends it and returns what it has used for the writes.
func (w *bare) finish() (usage, error) {
	err := w.in.Close()
	<-w.ended
	if err = errors.Join(err, w.failure); err != nil {
		return usage{}, fmt.Errorf("ending the bare writer: %w: %s", err, w.log.Bytes())
	}
	var r bareReport
	if err := json.Unmarshal(w.out.Bytes(), &r); err != nil {
		return usage{}, fmt.Errorf("reading the report of the bare writer: %w", err)
	}
	return usage{cpu: r.CPU, peak: r.Peak}, nil
}
