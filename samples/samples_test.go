package samples

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"github.com/longshore-project/longshore/apis"
)

// TestSamplesAreValid decodes every object strictly: a misspelt field would be dropped by the server, with a sample that does not show
// what its comment says.
func TestSamplesAreValid(t *testing.T) {
	scheme := apis.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	files, err := filepath.Glob("*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d samples, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(content, []byte("# ")) {
				t.Error("does not begin with a comment that says what it shows")
			}
			documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
			for {
				document, err := documents.Read()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if _, _, err := decoder.Decode(document, nil, nil); err != nil {
					t.Errorf("%v in:\n%s", err, document)
				}
			}
		})
	}
}
