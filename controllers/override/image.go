package override

import (
	"fmt"
	"regexp"
	"strings"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
)

// Image is a reference to a container image, in its parts.
type Image struct {
	// Registry is the host, with its port if there is one. Empty means the container runtime's default.
	Registry string
	// Repository is the path after the registry.
	Repository string
	// Tag without its colon. Empty means none.
	Tag string
	// Digest such as sha256:…, without its at sign. Empty means none.
	Digest string
}

// The grammar of image references: https://pkg.go.dev/github.com/distribution/reference
var (
	registryPattern   = regexp.MustCompile(`^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:[0-9]+)?$`)
	repositoryPattern = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagPattern        = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	digestPattern     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$`)
)

// ParseImage splits an image reference. The part before the first slash is a registry if it contains a dot or a colon or is localhost.
// The error says which part is invalid. For every text that it accepts, String returns that text again.
func ParseImage(text string) (Image, error) {
	var image Image
	rest, digest, hasDigest := strings.Cut(text, "@")
	if hasDigest && !digestPattern.MatchString(digest) {
		return Image{}, fmt.Errorf("parsing image %q: %q is not a digest: write algorithm:hex", text, digest)
	}
	image.Digest = digest
	if colon := strings.LastIndexByte(rest, ':'); colon > strings.LastIndexByte(rest, '/') {
		rest, image.Tag = rest[:colon], rest[colon+1:]
		if !tagPattern.MatchString(image.Tag) {
			return Image{}, fmt.Errorf("parsing image %q: %q is not a tag", text, image.Tag)
		}
	}
	if host, path, ok := strings.Cut(rest, "/"); ok && isRegistry(host) {
		image.Registry, rest = host, path
		if !registryPattern.MatchString(host) {
			return Image{}, fmt.Errorf("parsing image %q: %q is not a registry host", text, host)
		}
	}
	image.Repository = rest
	if !repositoryPattern.MatchString(rest) {
		return Image{}, fmt.Errorf("parsing image %q: %q is not a repository: it consists of lower case words separated by slashes", text, rest)
	}
	return image, nil
}

func isRegistry(host string) bool {
	return host == "localhost" || strings.ContainsAny(host, ".:")
}

// String writes the reference as ParseImage reads it.
func (i Image) String() string {
	text := i.Repository
	if i.Registry != "" {
		text = i.Registry + "/" + text
	}
	if i.Tag != "" {
		text += ":" + i.Tag
	}
	if i.Digest != "" {
		text += "@" + i.Digest
	}
	return text
}

// override changes one part. Tag and digest are one part: a new tag beside the old digest would have no effect.
func (i *Image) override(o *policyv1alpha1.ImageOverrider) error {
	var err error
	switch o.Component {
	case policyv1alpha1.ImageRegistry:
		i.Registry, err = changeText(i.Registry, o)
	case policyv1alpha1.ImageRepository:
		i.Repository, err = changeText(i.Repository, o)
	case policyv1alpha1.ImageTag:
		err = i.overrideTag(o)
	default:
		err = fmt.Errorf("component %q is unknown: use Registry, Repository or Tag", o.Component)
	}
	return err
}

func (i *Image) overrideTag(o *policyv1alpha1.ImageOverrider) error {
	text := i.Tag
	if text == "" {
		text = i.Digest
	}
	text, err := changeText(text, o)
	if err != nil {
		return err
	}
	i.Tag, i.Digest = text, ""
	if digestPattern.MatchString(text) {
		i.Tag, i.Digest = "", text
	}
	return nil
}

func changeText(text string, o *policyv1alpha1.ImageOverrider) (string, error) {
	switch o.Operator {
	case policyv1alpha1.OverriderAdd:
		return text + o.Value, nil
	case policyv1alpha1.OverriderReplace:
		return o.Value, nil
	case policyv1alpha1.OverriderRemove:
		return "", nil
	default:
		return "", fmt.Errorf("operator %q is unknown: use add, remove or replace", o.Operator)
	}
}

// overrideText changes one part of an image reference; a result that is no reference is refused.
func overrideText(text string, o *policyv1alpha1.ImageOverrider) (string, error) {
	image, err := ParseImage(text)
	if err != nil {
		return "", err
	}
	if err := image.override(o); err != nil {
		return "", err
	}
	changed := image.String()
	if _, err := ParseImage(changed); err != nil {
		return "", fmt.Errorf("applying operator %s with value %q to the %s of image %q: %w", o.Operator, o.Value, o.Component, text, err)
	}
	return changed, nil
}
