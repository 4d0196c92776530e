package policy_test

import (
	"maps"
	"strings"
)

func withKey(m map[string]string, key, value string) map[string]string {
	out := maps.Clone(m)
	if out == nil {
		out = map[string]string{}
	}
	out[key] = value
	return out
}

func containsText(text, part string) bool { return strings.Contains(text, part) }
