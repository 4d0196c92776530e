package estimate

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	yamlreader "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/interpreter"
	"github.com/longshore-project/longshore/estimator/client"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
	"github.com/longshore-project/longshore/scheduler/convert"
)

// workload is what is asked about.
type workload struct {
	kind, namespace, name string
	replicas              int32
	requests              corev1.ResourceList // of one replica
	question              *estimatorv1.Question
}

// String returns one line for people.
func (w *workload) String() string {
	each := make([]string, 0, len(w.requests))
	for name, quantity := range w.requests {
		each = append(each, fmt.Sprintf("%s %s", name, quantity.String()))
	}
	slices.Sort(each)
	if len(each) == 0 {
		each = []string{"nothing but its place"}
	}
	return fmt.Sprintf("%s %s/%s: %d replicas, each needs %s", w.kind, w.namespace, w.name, w.replicas, strings.Join(each, ", "))
}

// readWorkload returns the only object with replicas of a file, "-" for in. namespace, unless empty, replaces that of the object.
func readWorkload(file string, in io.Reader, namespace string) (*workload, error) {
	if file != "-" {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the workload: %w", err)
		}
		in = bytes.NewReader(content)
	}
	var found *workload
	documents := yamlreader.NewYAMLReader(bufio.NewReader(in))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		w, err := workloadOf(document, namespace)
		switch {
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", file, err)
		case w == nil:
		case found != nil:
			return nil, fmt.Errorf("reading %s: it has several workloads, %s %s and %s %s: leave one", file, found.kind, found.name, w.kind, w.name)
		default:
			found = w
		}
	}
	if found == nil {
		return nil, fmt.Errorf("reading %s: it has no object with replicas, such as a Deployment, StatefulSet or Job", file)
	}
	return found, nil
}

// workloadOf returns nil for an object without replicas.
func workloadOf(document []byte, namespace string) (*workload, error) {
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(document, &object.Object); err != nil {
		return nil, err
	}
	if len(object.Object) == 0 { // Nothing but comments.
		return nil, nil
	}
	replicas, needs, ok, err := interpreter.New().Replicas(object)
	if !ok || err != nil {
		return nil, err
	}
	w := &workload{
		kind: object.GetKind(), namespace: cmp.Or(namespace, object.GetNamespace(), metav1.NamespaceDefault), name: object.GetName(), replicas: replicas,
	}
	if needs != nil {
		w.requests = needs.ResourceRequest
	}
	// The scheduler asks about bindings, so that this is the question that it would ask.
	w.question = client.ToQuestion(convert.FromBinding(&workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{Namespace: w.namespace}, Replicas: replicas, ReplicaRequirements: needs,
		},
	}, nil))
	return w, nil
}
