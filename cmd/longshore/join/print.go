package join

import (
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/connect"
)

// print writes the objects of both sides as YAML, without the token, which only exists once the member has issued it.
func (j *joining) print(out io.Writer) error {
	role := j.clusterRole()
	member := append([]client.Object{j.namespace(), role}, j.accountObjects(role)...)
	if err := printSide(out, "member "+j.member.Config.Host, member); err != nil {
		return err
	}
	secret := j.secret(nil)
	delete(secret.Data, clusterv1alpha1.SecretTokenKey)
	return printSide(out, "control plane "+j.controlPlane.Config.Host, []client.Object{j.namespace(), secret, j.cluster()})
}

func printSide(out io.Writer, side string, objects []client.Object) error {
	for _, obj := range objects {
		text, err := render(obj)
		if err != nil {
			return err
		}
		note := ""
		if secret, ok := obj.(*corev1.Secret); ok && secret.Type == corev1.SecretTypeOpaque {
			note = " (the token is added when the member has issued it)"
		}
		fmt.Fprintf(out, "---\n# in the %s%s\n%s", side, note, text)
	}
	return nil
}

// render leaves out what the server fills in.
func render(obj client.Object) ([]byte, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("printing %s: %w", describe(obj), err)
	}
	delete(content, "status")
	metadata := content["metadata"].(map[string]any)
	delete(metadata, "creationTimestamp")
	delete(metadata, "ownerReferences")
	content["apiVersion"], content["kind"] = connect.KindOf(obj).ToAPIVersionAndKind()
	return yaml.Marshal(content)
}
