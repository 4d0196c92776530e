package interpreter

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type service struct{}

func isLoadBalancer(obj *unstructured.Unstructured) (bool, error) {
	kind, err := stringAt(obj.Object, "spec", "type")
	return kind == "LoadBalancer", err
}

// retain keeps the addresses that the member allocated, unless the manifest sets its own (a headless Service, or an override) or wants
// none.
func (service) retain(desired, observed *unstructured.Unstructured) error {
	kind, err := stringAt(desired.Object, "spec", "type")
	if err != nil || kind == "ExternalName" {
		return err
	}
	for _, field := range []string{"clusterIP", "clusterIPs", "healthCheckNodePort"} {
		own, err := fieldAt[any](desired.Object, "spec", field)
		if err != nil {
			return err
		}
		if !isEmpty(own) {
			continue
		}
		if err := copyField(desired, observed, "spec", field); err != nil {
			return err
		}
	}
	return nil
}

func (service) reflect(obj *unstructured.Unstructured) (any, error) {
	balanced, err := isLoadBalancer(obj)
	if err != nil || !balanced {
		return nil, err
	}
	return pickStatus(obj, "loadBalancer")
}

func (service) aggregate(template *unstructured.Unstructured, members []member) (map[string]any, error) {
	balanced, err := isLoadBalancer(template)
	if err != nil || !balanced {
		return nil, err
	}
	return joinBalancers(members)
}

func (service) healthy(obj *unstructured.Unstructured) (bool, error) {
	balanced, err := isLoadBalancer(obj)
	if err != nil || !balanced {
		return err == nil, err
	}
	return hasAddress(obj)
}

// prune drops the addresses that the control plane allocated; None is the user's wish for a headless Service.
func (service) prune(obj *unstructured.Unstructured) {
	spec, err := mapAt(obj.Object, "spec")
	if err != nil || spec["clusterIP"] == "None" {
		return
	}
	delete(spec, "clusterIP")
	delete(spec, "clusterIPs")
}

type ingress struct{}

func (ingress) reflect(obj *unstructured.Unstructured) (any, error) {
	return pickStatus(obj, "loadBalancer")
}

func (ingress) aggregate(_ *unstructured.Unstructured, members []member) (map[string]any, error) {
	return joinBalancers(members)
}

func (ingress) healthy(obj *unstructured.Unstructured) (bool, error) {
	return hasAddress(obj)
}

func (ingress) dependencies(obj *unstructured.Unstructured) ([]Dependency, error) {
	return ingressReferences(obj)
}

// hasAddress is true if the outside world can reach at least one entry of the load balancer.
func hasAddress(obj *unstructured.Unstructured) (bool, error) {
	list, err := listAt(obj.Object, "status", "loadBalancer", "ingress")
	if err != nil {
		return false, err
	}
	found, err := entries(list, "status.loadBalancer.ingress")
	for _, entry := range found {
		if !isEmpty(entry["ip"]) || !isEmpty(entry["hostname"]) {
			return true, nil
		}
	}
	return false, err
}

// joinBalancers lists the entries of all members' load balancers once each, sorted by ip, then hostname, then the rest.
func joinBalancers(members []member) (map[string]any, error) {
	byText := map[string]map[string]any{}
	for _, m := range members {
		found, err := m.entries("loadBalancer", "ingress")
		if err != nil {
			return nil, err
		}
		for _, entry := range found {
			text, err := json.Marshal(entry)
			if err != nil {
				return nil, m.errorf("encoding a load balancer entry: %w", err)
			}
			byText[string(text)] = entry
		}
	}
	balancer := map[string]any{}
	if len(byText) > 0 {
		balancer["ingress"] = sortBalancers(byText)
	}
	return map[string]any{"loadBalancer": balancer}, nil
}

func sortBalancers(byText map[string]map[string]any) []any {
	texts := make([]string, 0, len(byText))
	for text := range byText {
		texts = append(texts, text)
	}
	address := func(text, field string) string {
		if value := byText[text][field]; value != nil {
			return fmt.Sprint(value)
		}
		return ""
	}
	slices.SortFunc(texts, func(a, b string) int {
		return cmp.Or(
			cmp.Compare(address(a, "ip"), address(b, "ip")),
			cmp.Compare(address(a, "hostname"), address(b, "hostname")),
			cmp.Compare(a, b),
		)
	})
	sorted := make([]any, len(texts))
	for i, text := range texts {
		sorted[i] = byText[text]
	}
	return sorted
}
