package v1alpha1

import (
	"cmp"
	"net"
	"net/url"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Estimators says which estimators a profile asks and what their answers count for. A member about which none answers in time is judged by its
// summary; that concerns this member only.
type Estimators struct {
	// Servers are the estimators. The first that serves a member is asked about it.
	Servers []EstimatorServer `json:"servers"`
	// Deadline bounds each call. Default: 3s.
	// +optional
	Deadline metav1.Duration `json:"deadline,omitempty"`
	// Budget bounds how long a decision waits for answers that are not there yet. Default: 50ms.
	// +optional
	Budget metav1.Duration `json:"budget,omitempty"`
	// CacheFor is how old an answer may be to count. Default: 15s.
	// +optional
	CacheFor metav1.Duration `json:"cacheFor,omitempty"`
	// Merge is the rule where both an estimator and the summary know something: preferAccurate, min (the lower number, as Karmada does) or
	// weightedByAge (from the estimator's number to the summary's as the answer ages). Default: preferAccurate.
	// +optional
	Merge EstimateMerge `json:"merge,omitempty"`
	// CountGrowth counts as room what would fit once a member's autoscaler has added nodes, where an estimator knows that. Conditions and events
	// say so. Default: false, then it is only told in explanations.
	// +optional
	CountGrowth bool `json:"countGrowth,omitempty"`
	// SkipPullMembers asks no estimator about members with syncMode Pull, which may not be reachable; their summaries count. Default: false.
	// +optional
	SkipPullMembers bool `json:"skipPullMembers,omitempty"`
}

// EstimateMerge is a rule to merge two estimates.
type EstimateMerge string

const (
	// MergePreferAccurate takes what the estimator says.
	MergePreferAccurate EstimateMerge = "preferAccurate"
	// MergeMin takes the lower number.
	MergeMin EstimateMerge = "min"
	// MergeWeightedByAge takes the mean, weighted by the age of the estimator's answer.
	MergeWeightedByAge EstimateMerge = "weightedByAge"
)

// EstimatorServer is one estimator for several members or, with {member} in its address, one for each member.
type EstimatorServer struct {
	// Address is where it listens: dns:///host:port or unix:///path. Each {member} is replaced by the name of the member. It excludes service.
	// +optional
	Address string `json:"address,omitempty"`
	// Service finds the estimator of each member as Karmada does. It excludes address.
	// +optional
	Service *EstimatorService `json:"service,omitempty"`
	// Members is whom the estimator serves. Default: those that it says it observes or, with one estimator for each member, all.
	// +optional
	Members []string `json:"members,omitempty"`
	// Protocol is longshore, karmada or auto, which tries longshore first. Default: auto, and karmada with service.
	// +optional
	Protocol EstimatorProtocol `json:"protocol,omitempty"`
	// TLS is how to secure the connection. Without it there is none, which only loopback and unix addresses allow.
	// +optional
	TLS *EstimatorTLS `json:"tls,omitempty"`
}

// EstimatorProtocol is what an estimator speaks.
type EstimatorProtocol string

const (
	// ProtocolAuto finds out.
	ProtocolAuto EstimatorProtocol = "auto"
	// ProtocolLongshore is many questions about many members in one call.
	ProtocolLongshore EstimatorProtocol = "longshore"
	// ProtocolKarmada is one question about one member in one call.
	ProtocolKarmada EstimatorProtocol = "karmada"
)

// EstimatorService finds the estimator of a member by the Service <prefix>-<member> of the control plane: if there is one it must be of type
// ExternalName and says the host, otherwise <prefix>-<member>.<namespace>.svc is looked up in DNS.
type EstimatorService struct {
	// Prefix of the name. Default: karmada-scheduler-estimator.
	// +optional
	Prefix string `json:"prefix,omitempty"`
	// Namespace of the Service. Default: karmada-system.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Port of the estimator. Default: 10352.
	// +optional
	Port int32 `json:"port,omitempty"`
}

// EstimatorTLS names PEM files, which are read again when they change. Without a CA any server is trusted, which is Karmada's default, and must
// be said.
type EstimatorTLS struct {
	// CAFile signed the estimator's certificate.
	// +optional
	CAFile string `json:"caFile,omitempty"`
	// CertFile is the scheduler's own certificate.
	// +optional
	CertFile string `json:"certFile,omitempty"`
	// KeyFile is the key of the scheduler's own certificate.
	// +optional
	KeyFile string `json:"keyFile,omitempty"`
	// ServerName is the name in the estimator's certificate. Default: the host in the address.
	// +optional
	ServerName string `json:"serverName,omitempty"`
	// InsecureSkipVerify trusts any server. It excludes caFile.
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// Defaults of estimators.
const (
	// DefaultEstimatorDeadline bounds a call.
	DefaultEstimatorDeadline = 3 * time.Second
	// DefaultEstimatorBudget bounds the wait of a decision.
	DefaultEstimatorBudget = 50 * time.Millisecond
	// DefaultEstimatorCacheFor is how old an answer may be.
	DefaultEstimatorCacheFor = 15 * time.Second
	// DefaultEstimatorPrefix begins the names of Karmada's estimators.
	DefaultEstimatorPrefix = "karmada-scheduler-estimator"
	// DefaultEstimatorNamespace is where Karmada's estimators run.
	DefaultEstimatorNamespace = "karmada-system"
	// DefaultEstimatorPort is where Karmada's estimators listen.
	DefaultEstimatorPort = 10352
)

// memberInAddress is replaced by the name of the member.
const memberInAddress = "{member}"

// AddressFor returns the address at which the estimator for the member listens.
func (s *EstimatorServer) AddressFor(member string) string {
	return strings.ReplaceAll(s.Address, memberInAddress, member)
}

// PerMember reports whether each member has an estimator of its own.
func (s *EstimatorServer) PerMember() bool {
	return s.Service != nil || strings.Contains(s.Address, memberInAddress)
}

// SetEstimatorDefaults fills in what the section leaves out. Doing so twice changes nothing.
func SetEstimatorDefaults(e *Estimators) {
	e.Deadline.Duration = cmp.Or(e.Deadline.Duration, DefaultEstimatorDeadline)
	e.Budget.Duration = cmp.Or(e.Budget.Duration, DefaultEstimatorBudget)
	e.CacheFor.Duration = cmp.Or(e.CacheFor.Duration, DefaultEstimatorCacheFor)
	e.Merge = cmp.Or(e.Merge, MergePreferAccurate)
	for i := range e.Servers {
		s := &e.Servers[i]
		if s.Service == nil {
			s.Protocol = cmp.Or(s.Protocol, ProtocolAuto)
			continue
		}
		s.Protocol = cmp.Or(s.Protocol, ProtocolKarmada)
		s.Service.Prefix = cmp.Or(s.Service.Prefix, DefaultEstimatorPrefix)
		s.Service.Namespace = cmp.Or(s.Service.Namespace, DefaultEstimatorNamespace)
		s.Service.Port = cmp.Or(s.Service.Port, DefaultEstimatorPort)
	}
}

func (e *Estimators) validate(path *field.Path) field.ErrorList {
	if e == nil {
		return nil
	}
	var faults field.ErrorList
	if len(e.Servers) == 0 {
		faults = append(faults, field.Required(path.Child("servers"), "name the estimators to ask, or leave out the section"))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"deadline", e.Deadline.Duration}, {"budget", e.Budget.Duration}, {"cacheFor", e.CacheFor.Duration}} {
		if d.value < 0 {
			faults = append(faults, field.Invalid(path.Child(d.name), d.value.String(), "must not be negative"))
		}
	}
	if m := e.Merge; m != MergePreferAccurate && m != MergeMin && m != MergeWeightedByAge {
		faults = append(faults, field.NotSupported(path.Child("merge"), m, []EstimateMerge{MergePreferAccurate, MergeMin, MergeWeightedByAge}))
	}
	for i := range e.Servers {
		faults = append(faults, e.Servers[i].validate(path.Child("servers").Index(i))...)
	}
	return faults
}

func (s *EstimatorServer) validate(path *field.Path) field.ErrorList {
	var faults field.ErrorList
	if (s.Address == "") == (s.Service == nil) {
		faults = append(faults, field.Invalid(path, s.Address, "set either address or service"))
	}
	if p := s.Protocol; p != ProtocolAuto && p != ProtocolLongshore && p != ProtocolKarmada {
		faults = append(faults, field.NotSupported(path.Child("protocol"), p, []EstimatorProtocol{ProtocolAuto, ProtocolLongshore, ProtocolKarmada}))
	}
	if s.Protocol == ProtocolKarmada && !s.PerMember() && len(s.Members) != 1 {
		faults = append(faults, field.Invalid(path.Child("members"), len(s.Members), "an estimator that speaks karmada serves one member: name it, or write {member} into the address"))
	}
	if s.Service != nil && (s.Service.Port < 1 || s.Service.Port > 65535) {
		faults = append(faults, field.Invalid(path.Child("service", "port"), s.Service.Port, "must be 1 to 65535"))
	}
	faults = append(faults, uniqueMembers(s.Members, path.Child("members"))...)
	if s.Address != "" {
		faults = append(faults, s.validateAddress(path)...)
	}
	return append(faults, s.TLS.validate(path.Child("tls"))...)
}

func uniqueMembers(members []string, path *field.Path) field.ErrorList {
	var faults field.ErrorList
	names := sets.New[string]()
	for i, name := range members {
		faults = append(faults, once(names, name, path.Index(i))...)
	}
	return faults
}

func (s *EstimatorServer) validateAddress(path *field.Path) field.ErrorList {
	at := path.Child("address")
	u, err := url.Parse(s.AddressFor("member"))
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(at, s.Address, err.Error())}
	case u.Scheme == "unix":
		return nil
	case u.Scheme != "dns":
		return field.ErrorList{field.Invalid(at, s.Address, "must be dns:///host:port or unix:///path")}
	}
	host, _, err := net.SplitHostPort(strings.TrimPrefix(u.Path, "/"))
	if err != nil {
		return field.ErrorList{field.Invalid(at, s.Address, "must be dns:///host:port: "+err.Error())}
	}
	if ip := net.ParseIP(host); s.TLS == nil && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return field.ErrorList{field.Required(path.Child("tls"), "without it anybody on the network could tell what fits; only loopback and unix addresses may go without")}
	}
	return nil
}

func (t *EstimatorTLS) validate(path *field.Path) field.ErrorList {
	if t == nil {
		return nil
	}
	var faults field.ErrorList
	if (t.CertFile == "") != (t.KeyFile == "") {
		faults = append(faults, field.Invalid(path, t.CertFile, "certFile and keyFile go together: give both or neither"))
	}
	if (t.CAFile == "") != t.InsecureSkipVerify {
		faults = append(faults, field.Invalid(path.Child("caFile"), t.CAFile, "name the CA or, to trust any server, set insecureSkipVerify: either, not both"))
	}
	return faults
}
