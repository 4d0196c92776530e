package local

import (
	_ "embed"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed stages.yaml
var stages []byte

// ControlPlaneControllers are those that a cluster without nodes needs.
var ControlPlaneControllers = []string{"namespace", "garbagecollector", "serviceaccount", "serviceaccount-token"}

// components lists what the cluster runs, in the order of start.
func (c *Cluster) components() []string {
	names := []string{etcd, apiServer}
	if len(c.Controllers) > 0 {
		names = append(names, controllers)
	}
	if len(c.Nodes) > 0 {
		names = append(names, simulatedNode, scheduler)
	}
	return names
}

// writeConfiguration writes the files that components are pointed to by their flags.
func (c *Cluster) writeConfiguration() error {
	if err := writeFile(c.file("etcd.yaml"), []byte(c.etcdConfiguration())); err != nil {
		return err
	}
	if err := writeFile(c.file("stages.yaml"), stages); err != nil {
		return err
	}
	config, err := c.adminKubeconfig()
	if err != nil {
		return err
	}
	return writeKubeconfig(c.file("kubeconfig"), config)
}

// etcdConfiguration drops fsync: whoever loses power loses a cluster that one command makes again. It has no peers: their port is
// any, and initial-cluster only repeats the default so that the name may be set.
func (c *Cluster) etcdConfiguration() string {
	keys := c.pki()
	tls := func(section string) string {
		return fmt.Sprintf("%s:\n  cert-file: %s\n  key-file: %s\n  trusted-ca-file: %s\n  client-cert-auth: true\n",
			section, quote(keys.cert(serverPair)), quote(keys.key(serverPair)), quote(keys.caFile()))
	}
	return fmt.Sprintf("name: local\ninitial-cluster: local=http://localhost:2380\ndata-dir: %s\nlisten-client-urls: %s\nadvertise-client-urls: %s\nlisten-peer-urls: https://127.0.0.1:0\n",
		quote(c.file("data")), c.etcdEndpoint(), c.etcdEndpoint()) +
		"unsafe-no-fsync: true\nlog-level: error\nauto-compaction-mode: periodic\nauto-compaction-retention: 10m\nquota-backend-bytes: 4294967296\n" +
		tls("client-transport-security") + tls("peer-transport-security")
}

func quote(s string) string { return strconv.Quote(s) }

// arguments are the flags of a component, the same for localkube and the upstream program.
func (c *Cluster) arguments(component string, separate bool) []string {
	switch component {
	case etcd:
		return []string{"--config-file=" + c.file("etcd.yaml")}
	case apiServer:
		return c.apiServerArguments()
	case controllers:
		args := []string{
			"--kubeconfig=" + c.file("kubeconfig"),
			"--controllers=" + strings.Join(c.Controllers, ","),
			"--service-account-private-key-file=" + c.pki().serviceAccounts(),
			"--root-ca-file=" + c.pki().caFile(),
		}
		if separate {
			args = append(args, "--leader-elect=false", "--secure-port=0")
		}
		return args
	case scheduler:
		return []string{"--kubeconfig=" + c.file("kubeconfig"), "--leader-elect=false", "--secure-port=0", "--profiling=false"}
	case simulatedNode:
		return []string{
			"--kubeconfig=" + c.file("kubeconfig"), "--config=" + c.file("stages.yaml"), "--manage-all-nodes=true",
			"--node-lease-duration-seconds=40", "--cidr=10.244.0.0/16",
		}
	}
	return nil
}

// apiServerArguments are the defaults of a kubeadm cluster, minus what needs kubelets, several replicas or an aggregated API, and what the cluster
// adds.
func (c *Cluster) apiServerArguments() []string {
	keys := c.pki()
	args := []string{
		"--etcd-servers=" + c.etcdEndpoint(),
		"--etcd-cafile=" + keys.caFile(),
		"--etcd-certfile=" + keys.cert(etcdPair),
		"--etcd-keyfile=" + keys.key(etcdPair),
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(c.APIPort),
		"--tls-cert-file=" + keys.cert(serverPair),
		"--tls-private-key-file=" + keys.key(serverPair),
		"--client-ca-file=" + keys.caFile(),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + keys.serviceAccounts(),
		"--service-account-signing-key-file=" + keys.serviceAccounts(),
		"--service-cluster-ip-range=10.0.0.0/16",
		"--endpoint-reconciler-type=none",
		"--profiling=false",
	}
	if len(c.Controllers) == 0 {
		// Nobody creates the default service accounts without which the plugin refuses pods.
		args = append(args, "--disable-admission-plugins=ServiceAccount")
	}
	return append(args, c.APIServerFlags...)
}

// environment makes a component findable, and keeps kwok from reading the user's own ~/.kwok.
func (c *Cluster) environment() []string {
	return []string{dirMarker + "=" + filepath.Dir(c.Dir), "KWOK_WORKDIR=" + c.Dir}
}
