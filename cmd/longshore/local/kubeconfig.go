package local

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// adminKubeconfig describes access to a cluster as its administrator; context, cluster and user bear the cluster's name.
func (c *Cluster) adminKubeconfig() (*clientcmdapi.Config, error) {
	config := clientcmdapi.NewConfig()
	cluster, user := clientcmdapi.NewCluster(), clientcmdapi.NewAuthInfo()
	cluster.Server = c.Endpoint()
	for file, dst := range map[string]*[]byte{
		c.pki().caFile():        &cluster.CertificateAuthorityData,
		c.pki().cert(adminPair): &user.ClientCertificateData,
		c.pki().key(adminPair):  &user.ClientKeyData,
	} {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("writing the kubeconfig of %s: %w", c.Name, err)
		}
		*dst = content
	}
	context := clientcmdapi.NewContext()
	context.Cluster, context.AuthInfo = c.Name, c.Name
	config.Clusters[c.Name], config.AuthInfos[c.Name], config.Contexts[c.Name] = cluster, user, context
	config.CurrentContext = c.Name
	return config, nil
}

// RESTConfig gives access to the cluster as its administrator.
func (c *Cluster) RESTConfig() (*rest.Config, error) {
	config, err := c.adminKubeconfig()
	if err != nil {
		return nil, err
	}
	return clientcmd.NewDefaultClientConfig(*config, nil).ClientConfig()
}

// writeKubeconfig writes for the owner's eyes only, and never half a file.
func writeKubeconfig(path string, config *clientcmdapi.Config) error {
	content, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding the kubeconfig: %w", err)
	}
	return writeFile(path, content)
}

// writeFile replaces a file in one step; its mode is 0600.
func writeFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
