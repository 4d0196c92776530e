package v1alpha1

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// ExecutionNamespace returns the namespace in the control plane which holds the Works of a cluster.
func ExecutionNamespace(cluster string) string {
	return ExecutionNamespacePrefix + cluster
}

// ClusterOf returns the cluster whose Works an execution namespace holds, and false if the namespace is not an execution namespace.
func ClusterOf(executionNamespace string) (string, bool) {
	cluster, ok := strings.CutPrefix(executionNamespace, ExecutionNamespacePrefix)
	return cluster, ok && cluster != ""
}

// IsReservedNamespace reports whether a namespace belongs to the control plane itself, so that nothing in it is a template.
func IsReservedNamespace(namespace string) bool {
	return namespace == SystemNamespace || namespace == ClusterNamespace || strings.HasPrefix(namespace, ExecutionNamespacePrefix)
}

// WorkName returns the name of the Work of a template: readable, and unique over namespaces and kinds but for a collision of the 32-bit
// hash in its suffix. An empty namespace means cluster scoped.
func WorkName(namespace, name, kind string) string {
	name = objectName(name)
	hashed := name + "-" + strings.ToLower(kind)
	if namespace != "" {
		hashed = strings.ToLower(namespace) + "-" + hashed
	}
	return name + "-" + HashSuffix(hashed)
}

// objectName makes the part of a derived name that comes from a template's name: names of RBAC objects may hold ':', names of Works may not.
func objectName(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, ":", "."))
}

// safeDigits stand for the digits 0 to 9, as in k8s.io/apimachinery/pkg/util/rand.SafeEncodeString: characters of which no words arise.
const safeDigits = "456789bcdf"

// HashSuffix returns the 32-bit FNV-1a hash of s as a suffix for names: its decimal digits, each replaced by a safe one.
func HashSuffix(s string) string {
	hash := fnv.New32a()
	hash.Write([]byte(s)) // Never fails: see hash.Hash.
	digits := strconv.AppendUint(nil, uint64(hash.Sum32()), 10)
	for i, digit := range digits {
		digits[i] = safeDigits[digit-'0']
	}
	return string(digits)
}
