package estimate

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	appsv1client "k8s.io/client-go/kubernetes/typed/apps/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/longshore-project/longshore/estimator/server"
)

// frozen returns access to a server that lists the member and in whose watches nothing ever happens.
func frozen(tb testing.TB, m member) server.Access {
	tb.Helper()
	api := httptest.NewServer(http.HandlerFunc(m.serveFrozen))
	tb.Cleanup(api.CloseClientConnections)
	config := &rest.Config{Host: api.URL, QPS: -1}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		tb.Fatal(err)
	}
	apps, err := appsv1client.NewForConfig(config)
	if err != nil {
		tb.Fatal(err)
	}
	return server.Access{Core: core, Apps: apps}
}

// serveFrozen is an http.HandlerFunc.
func (m member) serveFrozen(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/readyz":
	case r.URL.Query().Get("sendInitialEvents") != "":
		http.Error(w, "lists do not come as a stream here", http.StatusBadRequest)
	case r.URL.Query().Get("watch") != "":
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	default:
		_ = json.NewEncoder(w).Encode(m.list(r.URL.Path))
	}
}

func (m member) list(path string) any {
	meta := metav1.ListMeta{ResourceVersion: "1"}
	switch path[strings.LastIndex(path, "/")+1:] {
	case "nodes":
		list := &corev1.NodeList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "NodeList"}, ListMeta: meta}
		for i := range m.nodes {
			list.Items = append(list.Items, *newNode(i))
		}
		return list
	case "pods":
		list := &corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, ListMeta: meta}
		for i := range m.pods {
			list.Items = append(list.Items, *m.pod(i))
		}
		return list
	case "resourcequotas":
		return &corev1.ResourceQuotaList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ResourceQuotaList"}, ListMeta: meta}
	}
	return &appsv1.ReplicaSetList{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSetList"}, ListMeta: meta}
}
