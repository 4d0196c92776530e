// Package host runs placement plugins outside the scheduler's process and makes each look like a compiled-in one. It starts them or dials
// them, keeps them configured, bounds what they can do, and says what became of each call.
package host

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"time"
)

// FailurePolicy says what a call means in which the plugin gave no valid answer.
type FailurePolicy string

const (
	// Fail makes the call an error: no decision is made without the plugin. It is the meaning of an empty policy.
	Fail FailurePolicy = "fail"
	// Skip decides as if the plugin did not apply, and says so.
	Skip FailurePolicy = "skip"
)

// Defaults of a Spec.
const (
	DefaultDeadline     = time.Second
	DefaultStartTimeout = 10 * time.Second
)

// Spec is one external plugin as the configuration describes it. Path and Address exclude each other.
type Spec struct {
	// Name is how profiles, logs and metrics call the plugin; unique in a host.
	Name string
	// Path is the binary to run, absolute.
	Path string
	// SHA256 is the hash that the binary must have, in hexadecimal. Empty accepts any and restarts the plugin when the file changes.
	SHA256 string
	// Args are the arguments of the process.
	Args []string
	// PlainSocket leaves out the exchange of certificates with the process, for languages in which nobody wrote it. The socket lies in a
	// directory that only the scheduler's user can enter, so whoever could listen in could read the scheduler's memory as well.
	PlainSocket bool
	// Environment names the variables of the scheduler's environment that the process may see. It sees no others.
	Environment []string
	// Address is where a plugin listens that somebody else runs: unix:///path, or dns:///host:port, which needs TLS.
	Address string
	// TLS names the files for mutual TLS with the plugin at Address.
	TLS *TLS
	// Arguments are handed to the plugin's Configure. Values are those of encoding/json.
	Arguments map[string]any
	// Deadline bounds each call; zero stands for DefaultDeadline.
	Deadline time.Duration
	// StartTimeout bounds a start up to the end of Configure; zero stands for DefaultStartTimeout.
	StartTimeout time.Duration
	// FailurePolicy is Fail when empty.
	FailurePolicy FailurePolicy
}

// TLS names PEM files.
type TLS struct {
	// CAFile signed the plugin's certificate; CertFile and KeyFile are the scheduler's own.
	CAFile, CertFile, KeyFile string
	// ServerName is the name in the plugin's certificate; empty stands for the host in the address.
	ServerName string
}

// Validate reports everything that is wrong with the spec.
func (s *Spec) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if s.Name == "" {
		fault("name is empty: profiles could not refer to the plugin")
	}
	if (s.Path == "") == (s.Address == "") {
		fault("exactly one of path and address must be set")
	}
	if s.Path != "" && !filepath.IsAbs(s.Path) {
		fault("path %q is not absolute", s.Path)
	}
	if sum, err := hex.DecodeString(s.SHA256); err != nil || s.SHA256 != "" && len(sum) != 32 {
		fault("sha256 %q is not 64 hexadecimal digits: use the output of sha256sum", s.SHA256)
	}
	if s.Address != "" {
		faults = append(faults, s.validateAddress())
	}
	if p := s.FailurePolicy; p != "" && p != Fail && p != Skip {
		fault("failurePolicy %q is neither fail nor skip", p)
	}
	if s.Deadline < 0 || s.StartTimeout < 0 {
		fault("deadline and startTimeout must not be negative")
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("external plugin %q: %w", s.Name, err)
	}
	return nil
}

func (s *Spec) validateAddress() error {
	u, err := url.Parse(s.Address)
	switch {
	case err != nil:
		return fmt.Errorf("address: %w", err)
	case u.Scheme == "unix":
		return nil
	case u.Scheme != "dns" && u.Scheme != "passthrough":
		return fmt.Errorf("address %q has an unknown scheme: write unix:///path or dns:///host:port", s.Address)
	case s.TLS == nil:
		return fmt.Errorf("address %q needs tls: without it anybody could place workloads", s.Address)
	}
	return nil
}

func (s *Spec) deadline() time.Duration     { return cmp.Or(s.Deadline, DefaultDeadline) }
func (s *Spec) startTimeout() time.Duration { return cmp.Or(s.StartTimeout, DefaultStartTimeout) }
func (s *Spec) equal(o *Spec) bool          { return reflect.DeepEqual(s, o) }
