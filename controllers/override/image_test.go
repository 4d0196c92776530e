package override

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParseImage(t *testing.T) {
	tests := []struct {
		text string
		want Image
	}{
		{"nginx", Image{Repository: "nginx"}},
		{"nginx:1.19", Image{Repository: "nginx", Tag: "1.19"}},
		{"library/nginx", Image{Repository: "library/nginx"}},
		{"a__b/c-d.e_f/g---h", Image{Repository: "a__b/c-d.e_f/g---h"}},
		{"localhost/nginx", Image{Registry: "localhost", Repository: "nginx"}},
		{"localhost:5000", Image{Repository: "localhost", Tag: "5000"}},
		{"localhost:5000/nginx", Image{Registry: "localhost:5000", Repository: "nginx"}},
		{"registry:5000/nginx:v1", Image{Registry: "registry:5000", Repository: "nginx", Tag: "v1"}},
		{"Registry.Example.com/team/app:V1.0_x", Image{Registry: "Registry.Example.com", Repository: "team/app", Tag: "V1.0_x"}},
		{"[2001:db8::1]:5000/app:1", Image{Registry: "[2001:db8::1]:5000", Repository: "app", Tag: "1"}},
		{"nginx@" + digest, Image{Repository: "nginx", Digest: digest}},
		{"quay.io/a/b:1@" + digest, Image{Registry: "quay.io", Repository: "a/b", Tag: "1", Digest: digest}},
		{"a.b", Image{Repository: "a.b"}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := ParseImage(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.String() != tt.text {
				t.Errorf("String() = %q, want %q", got, tt.text)
			}
		})
	}
}

func TestParseImageRefuses(t *testing.T) {
	for text, wantErr := range map[string]string{
		"":                                  "not a repository",
		":1":                                "not a repository",
		"Nginx":                             "not a repository",
		"a//b":                              "not a repository",
		"a b":                               "not a repository",
		"r.io/":                             "not a repository",
		"nginx:":                            "not a tag",
		"nginx:-x":                          "not a tag",
		"nginx:" + strings.Repeat("x", 129): "not a tag",
		"nginx@":                            "not a digest",
		"nginx@sha256:beef":                 "not a digest",
		"a_b.c/nginx":                       "not a registry",
		"r.io:x/nginx":                      "not a registry",
	} {
		if got, err := ParseImage(text); err == nil || !strings.Contains(err.Error(), wantErr) {
			t.Errorf("ParseImage(%q) = %+v, %v, want %q in the error", text, got, err, wantErr)
		}
	}
}

func TestOverrideImage(t *testing.T) {
	tests := []struct {
		name      string
		text      string
		component policyv1alpha1.ImageComponent
		operator  policyv1alpha1.OverriderOperator
		value     string
		want      string
	}{
		{"registry where none is", "nginx:1", "Registry", "add", "r.io", "r.io/nginx:1"},
		{"registry appended", "r.io/nginx", "Registry", "add", ":5000", "r.io:5000/nginx"},
		{"registry replaced", "r.io:5000/nginx", "Registry", "replace", "q.io", "q.io/nginx"},
		{"registry replaced where none is", "nginx", "Registry", "replace", "q.io/mirror", "q.io/mirror/nginx"},
		{"registry removed", "r.io:5000/a/nginx:1", "Registry", "remove", "", "a/nginx:1"},
		{"repository appended", "r.io/nginx:1", "Repository", "add", "-slim", "r.io/nginx-slim:1"},
		{"repository replaced", "r.io/nginx:1", "Repository", "replace", "team/httpd", "r.io/team/httpd:1"},
		{"tag where none is", "nginx", "Tag", "add", "1", "nginx:1"},
		{"tag appended", "nginx:1", "Tag", "add", "-alpine", "nginx:1-alpine"},
		{"tag replaced", "nginx:1", "Tag", "replace", "2", "nginx:2"},
		{"tag removed", "nginx:1", "Tag", "remove", "", "nginx"},
		{"tag replaced by digest", "nginx:1", "Tag", "replace", digest, "nginx@" + digest},
		{"digest replaced by tag", "nginx@" + digest, "Tag", "replace", "2", "nginx:2"},
		{"digest removed", "nginx@" + digest, "Tag", "remove", "", "nginx"},
		{"digest appended", "nginx@" + digest, "Tag", "add", "00", "nginx@" + digest + "00"},
		{"both replaced by tag", "nginx:1@" + digest, "Tag", "replace", "2", "nginx:2"},
		{"both removed", "nginx:1@" + digest, "Tag", "remove", "", "nginx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := overrideText(tt.text, &policyv1alpha1.ImageOverrider{Component: tt.component, Operator: tt.operator, Value: tt.value})
			if err != nil || got != tt.want {
				t.Errorf("overrideText() = %q, %v, want %q, nil", got, err, tt.want)
			}
		})
	}
}

// Any image made of valid parts survives being written and read.
func TestImageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		image := Image{
			Registry:   rapid.StringMatching(`|localhost|[a-z0-9]{1,5}(\.[a-z]{2,3}){1,2}(:[0-9]{2,5})?|[a-z]{1,5}:[0-9]{2,5}`).Draw(t, "registry"),
			Repository: rapid.StringMatching(`[a-z0-9]{1,4}((\.|_|__|-{1,3})[a-z0-9]{1,3})?(/[a-z0-9]{1,4}){0,2}`).Draw(t, "repository"),
			Tag:        rapid.StringMatching(`|[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}`).Draw(t, "tag"),
			Digest:     rapid.StringMatching(`|sha(256|512):[0-9a-f]{32,64}`).Draw(t, "digest"),
		}
		if host, _, ok := strings.Cut(image.Repository, "/"); image.Registry == "" && ok && isRegistry(host) {
			t.Skip("reads as a registry")
		}
		got, err := ParseImage(image.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(image, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func FuzzParseImage(f *testing.F) {
	for _, seed := range []string{"", "nginx", "localhost:5000/a/b:1@" + digest, "[::1]:1/x", "r.io/a__b", ":", "@", "a@b@c", "a:b:c/d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		image, err := ParseImage(text)
		if err != nil {
			return
		}
		if image.String() != text {
			t.Fatalf("String() = %q, want %q", image, text)
		}
		if image.Repository == "" || strings.ContainsAny(text, " \t\n") {
			t.Fatalf("ParseImage accepts %q as %+v", text, image)
		}
	})
}
