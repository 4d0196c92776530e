// Package arguments reads the arguments of plugins strictly, and says for each fault at which argument it is.
package arguments

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Fault is something wrong with one argument.
type Fault struct {
	// Path leads to the argument in the notation of Go, "resources[1].weight" for example. Empty means the arguments as a whole.
	Path string
	// Reason says what is wrong and what would be right.
	Reason string
}

// Error implements error.
func (f *Fault) Error() string {
	if f.Path == "" {
		return f.Reason
	}
	return f.Path + ": " + f.Reason
}

// Argument returns the path. By this method profiles find the line of the fault without knowing this package.
func (f *Fault) Argument() string { return f.Path }

// Faultf returns a fault at path.
func Faultf(path, format string, args ...any) *Fault {
	return &Fault{Path: path, Reason: fmt.Sprintf(format, args...)}
}

// Decode stores the JSON object in the struct that into points to, by the json tags of its fields. Values may be structs, slices, maps with
// string keys, strings, whole numbers, booleans and pointers to these. Arguments that the struct has no field for and values of the wrong type are faults; the
// error joins all of them in the order of their paths, and what is right was stored.
func Decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return fmt.Errorf("reading arguments: %w", err)
	}
	return errors.Join(store(value, reflect.ValueOf(into).Elem(), "")...)
}

// store puts the value into the target. Null leaves it as it is.
func store(value any, target reflect.Value, path string) []error {
	if value == nil {
		return nil
	}
	switch target.Kind() {
	case reflect.Struct:
		return storeStruct(value, target, path)
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		return store(value, target.Elem(), path)
	case reflect.Slice:
		return storeSlice(value, target, path)
	case reflect.Map:
		return storeMap(value, target, path)
	case reflect.String:
		return storeScalar(value, path, "a string", func(s string) { target.SetString(s) })
	case reflect.Bool:
		return storeScalar(value, path, "true or false", func(b bool) { target.SetBool(b) })
	case reflect.Int64:
		return storeInteger(value, target, path)
	default:
		panic("arguments: a field of type " + target.Type().String() + " cannot be decoded")
	}
}

func storeStruct(value any, target reflect.Value, path string) (faults []error) {
	object, ok := value.(map[string]any)
	if !ok {
		return []error{Faultf(path, "%s is not a map", describe(value))}
	}
	fields := map[string]int{}
	for i := range target.NumField() {
		name, _, _ := strings.Cut(target.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = i
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at := member(path, name)
		if i, known := fields[name]; known {
			faults = append(faults, store(object[name], target.Field(i), at)...)
		} else {
			faults = append(faults, Faultf(at, "unknown argument; known are %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", ")))
		}
	}
	return faults
}

func storeSlice(value any, target reflect.Value, path string) (faults []error) {
	list, ok := value.([]any)
	if !ok {
		return []error{Faultf(path, "%s is not a list", describe(value))}
	}
	target.Set(reflect.MakeSlice(target.Type(), len(list), len(list)))
	for i, element := range list {
		faults = append(faults, store(element, target.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
	}
	return faults
}

func storeMap(value any, target reflect.Value, path string) (faults []error) {
	object, ok := value.(map[string]any)
	if !ok {
		return []error{Faultf(path, "%s is not a map", describe(value))}
	}
	target.Set(reflect.MakeMapWithSize(target.Type(), len(object)))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		element := reflect.New(target.Type().Elem()).Elem()
		faults = append(faults, store(object[key], element, member(path, key))...)
		target.SetMapIndex(reflect.ValueOf(key), element)
	}
	return faults
}

func storeScalar[T any](value any, path, want string, set func(T)) []error {
	typed, ok := value.(T)
	if !ok {
		return []error{Faultf(path, "%s is not %s", describe(value), want)}
	}
	set(typed)
	return nil
}

func storeInteger(value any, target reflect.Value, path string) []error {
	number, ok := value.(json.Number)
	if !ok {
		return []error{Faultf(path, "%s is not a whole number", describe(value))}
	}
	n, err := number.Int64()
	if err != nil {
		return []error{Faultf(path, "%s is not a whole number", describe(value))}
	}
	target.SetInt(n)
	return nil
}

func member(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func describe(value any) string {
	switch value.(type) {
	case map[string]any:
		return "a map"
	case []any:
		return "a list"
	}
	return fmt.Sprintf("%q", fmt.Sprint(value))
}
