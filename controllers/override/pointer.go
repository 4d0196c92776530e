package override

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~")

// editString replaces the string to which a JSON pointer (RFC 6901) leads. It is an error if there is none.
func editString(obj *unstructured.Unstructured, pointer string, edit func(string) (string, error)) error {
	if !strings.HasPrefix(pointer, "/") {
		return fmt.Errorf("reading path %q: a path begins with a slash", pointer)
	}
	tokens := strings.Split(pointer[1:], "/")
	var parent any = obj.Object
	for _, token := range tokens[:len(tokens)-1] {
		slot, err := slotAt(parent, token)
		if err != nil {
			return fmt.Errorf("reading path %q: %w", pointer, err)
		}
		parent = slot.get()
	}
	slot, err := slotAt(parent, tokens[len(tokens)-1])
	if err != nil {
		return fmt.Errorf("reading path %q: %w", pointer, err)
	}
	text, ok := slot.get().(string)
	if !ok {
		return fmt.Errorf("reading path %q: expected a string, found %T", pointer, slot.get())
	}
	changed, err := edit(text)
	if err != nil {
		return fmt.Errorf("changing %q: %w", pointer, err)
	}
	slot.set(changed)
	return nil
}

// slot is a place in an object or a list that holds a value.
type slot struct {
	object map[string]any
	key    string
	list   []any
	index  int
}

// slotAt returns the place that a token of a pointer names; it must exist.
func slotAt(parent any, token string) (slot, error) {
	switch container := parent.(type) {
	case map[string]any:
		key := pointerEscapes.Replace(token)
		if _, ok := container[key]; !ok {
			return slot{}, fmt.Errorf("there is no field %q", key)
		}
		return slot{object: container, key: key}, nil
	case []any:
		index, err := strconv.Atoi(token)
		if err != nil || index < 0 || index >= len(container) {
			return slot{}, fmt.Errorf("there is no element %q in a list of %d", token, len(container))
		}
		return slot{list: container, index: index}, nil
	default:
		return slot{}, fmt.Errorf("there is nothing below %T, so no %q", parent, token)
	}
}

func (s slot) get() any {
	if s.object != nil {
		return s.object[s.key]
	}
	return s.list[s.index]
}

func (s slot) set(value any) {
	if s.object != nil {
		s.object[s.key] = value
		return
	}
	s.list[s.index] = value
}
