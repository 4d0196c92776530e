package karmadatest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func (p *ControlPlane) auditPolicy() string { return filepath.Join(p.dir, "audit-policy.yaml") }
func (p *ControlPlane) auditLog() string    { return filepath.Join(p.dir, "audit.log") }

// writeAuditPolicy asks for one line for each request of a service account, when it is over or, if it is a watch, when it has begun.
func writeAuditPolicy(file string) error {
	const policy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts"]
- level: None
`
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		return fmt.Errorf("writing the audit policy: %w", err)
	}
	return nil
}

// Request is a request of a service account that the main server answered.
type Request struct {
	Verb string `json:"verb"`
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	Object struct {
		APIGroup    string `json:"apiGroup"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	Response struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Annotations map[string]string `json:"annotations"`
}

// Forbidden reports whether the account lacked the right for the request. A refusal by a webhook is another matter.
func (r *Request) Forbidden() bool { return r.Annotations["authorization.k8s.io/decision"] == "forbid" }

// Writes reports whether the request would change something.
func (r *Request) Writes() bool { return r.Verb != "get" && r.Verb != "list" && r.Verb != "watch" }

// String says who wanted what and what came of it.
func (r *Request) String() string {
	resource := r.Object.Resource
	if r.Object.Subresource != "" {
		resource += "/" + r.Object.Subresource
	}
	return fmt.Sprintf("%s: %s %s %s/%s: %d", r.User.Username, r.Verb, resource, r.Object.Namespace, r.Object.Name, r.Response.Code)
}

// Requests returns what service accounts asked for so far, in the order of the answers.
func (p *ControlPlane) Requests() ([]Request, error) {
	log, err := os.Open(p.auditLog())
	if err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	defer log.Close()
	var out []Request
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r Request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		out = append(out, r)
	}
	return out, lines.Err()
}
