// Package connecttest helps tests of commands that read kubeconfig files.
package connecttest

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig writes a file, gone when the test ends, with one context called "main" that gives the access of cfg.
func Kubeconfig(t testing.TB, cfg *rest.Config) string {
	t.Helper()
	if err := rest.LoadTLSFiles(cfg); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		CurrentContext: "main",
		Contexts:       map[string]*clientcmdapi.Context{"main": {Cluster: "main", AuthInfo: "main"}},
		Clusters:       map[string]*clientcmdapi.Cluster{"main": {Server: cfg.Host, CertificateAuthorityData: cfg.CAData, InsecureSkipTLSVerify: cfg.Insecure}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"main": {
			Token: cfg.BearerToken, ClientCertificateData: cfg.CertData, ClientKeyData: cfg.KeyData,
		}},
	}, file)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Run executes a command and returns what it printed.
func Run(t testing.TB, cmd *cobra.Command, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}
