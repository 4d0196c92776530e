// Package karmada holds the test of the protocol that is Karmada's.
package karmada

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/longshore-project/longshore/estimator/proto/karmada/pb"
	"github.com/longshore-project/longshore/estimator/proto/karmada/service"
)

// The messages as they are documented: number, name, type. What stands on the wire depends on numbers and types only.
var messages = map[string]string{
	"MaxAvailableReplicasRequest":       "1 cluster string; 2 replicaRequirements ReplicaRequirements; 3 assumedWorkloads repeated AssumedWorkload",
	"MaxAvailableReplicasResponse":      "1 maxReplicas int32",
	"MaxAvailableComponentSetsRequest":  "1 cluster string; 2 components repeated Component; 3 namespace string; 4 assumedWorkloads repeated AssumedWorkload",
	"MaxAvailableComponentSetsResponse": "1 maxSets int32",
	"UnschedulableReplicasRequest":      "1 cluster string; 2 resource ObjectReference; 3 unschedulableThreshold int64",
	"UnschedulableReplicasResponse":     "1 unschedulableReplicas int32",
	"ReplicaRequirements":               "1 nodeClaim optional NodeClaim; 2 reserved; 3 namespace string; 4 priorityClassName string; 5 resourceRequestBytes map<string,bytes>",
	"ComponentReplicaRequirements":      "1 nodeClaim optional NodeClaim; 2 reserved; 3 priorityClassName string; 4 resourceRequestBytes map<string,bytes>",
	"Component":                         "1 name string; 2 replicaRequirements ComponentReplicaRequirements; 3 replicas int32",
	"AssumedWorkload":                   "1 namespace string; 2 components repeated Component",
	"NodeClaim":                         "1 reserved; 2 nodeSelector map<string,string>; 3 reserved; 4 nodeAffinityBytes bytes; 5 tolerationsBytes repeated bytes",
	"ObjectReference":                   "1 apiVersion string; 2 kind string; 3 namespace string; 4 name string",
}

func TestMessages(t *testing.T) {
	file := pb.File_karmada_pb_pb_proto
	if got, want := string(file.Package()), "github.com.karmada_io.karmada.pkg.estimator.pb"; got != want {
		t.Errorf("package is %s, want %s", got, want)
	}
	if file.Syntax() != protoreflect.Proto3 {
		t.Errorf("syntax is %v, want proto3", file.Syntax())
	}
	got := map[string]string{}
	for i := range file.Messages().Len() {
		m := file.Messages().Get(i)
		got[string(m.Name())] = describe(m)
	}
	if diff := cmp.Diff(messages, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func describe(m protoreflect.MessageDescriptor) string {
	lines := map[int]string{}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		lines[int(f.Number())] = fmt.Sprintf("%d %s %s", f.Number(), f.Name(), typeOf(f))
	}
	for i := range m.ReservedRanges().Len() {
		for n := m.ReservedRanges().Get(i)[0]; n < m.ReservedRanges().Get(i)[1]; n++ {
			lines[int(n)] = fmt.Sprintf("%d reserved", n)
		}
	}
	var out []string
	for n := range 10 {
		if line, ok := lines[n]; ok {
			out = append(out, line)
		}
	}
	return strings.Join(out, "; ")
}

func typeOf(f protoreflect.FieldDescriptor) string {
	name := f.Kind().String()
	switch {
	case f.IsMap():
		return fmt.Sprintf("map<%s,%s>", f.MapKey().Kind(), f.MapValue().Kind())
	case f.Message() != nil:
		name = string(f.Message().Name())
	}
	switch {
	case f.IsList():
		return "repeated " + name
	case f.HasOptionalKeyword():
		return "optional " + name
	}
	return name
}

func TestService(t *testing.T) {
	file := service.File_karmada_service_service_proto
	if file.Syntax() != protoreflect.Proto2 {
		t.Errorf("syntax is %v, want proto2", file.Syntax())
	}
	want := []string{
		"/github.com.karmada_io.karmada.pkg.estimator.service.Estimator/MaxAvailableReplicas",
		"/github.com.karmada_io.karmada.pkg.estimator.service.Estimator/MaxAvailableComponentSets",
		"/github.com.karmada_io.karmada.pkg.estimator.service.Estimator/GetUnschedulableReplicas",
	}
	var got []string
	for _, method := range service.Estimator_ServiceDesc.Methods {
		got = append(got, "/"+service.Estimator_ServiceDesc.ServiceName+"/"+method.MethodName)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("methods (-want +got):\n%s", diff)
	}
	if len(service.Estimator_ServiceDesc.Streams) > 0 {
		t.Error("a method is not unary")
	}
}
