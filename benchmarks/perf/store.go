package perf

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Store is the etcd behind an API server. What is put there was not admitted by anybody: it must be as the API server would have stored it. Objects
// get there a hundred times faster than through the API server, so that a large fleet which is there already need not be made by hand.
type Store struct {
	// Endpoint is the URL of etcd, whose gateway speaks JSON.
	Endpoint string
	// CAFile, CertFile and KeyFile are PEM files.
	CAFile, CertFile, KeyFile string

	http *http.Client
}

// Open reads the files.
func (s *Store) Open() error {
	ca, err := os.ReadFile(s.CAFile)
	if err != nil {
		return fmt.Errorf("reading the CA of etcd: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
	if err != nil {
		return fmt.Errorf("reading the certificate for etcd: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return fmt.Errorf("reading the CA of etcd: %s has no certificate", s.CAFile)
	}
	s.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}}
	return nil
}

// Limits of one transaction: etcd takes 128 operations and 1.5 MiB, of which base64 leaves three quarters.
const (
	mostPuts  = 128
	mostBytes = 1 << 20
)

// put is one operation of a transaction.
type put struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
}

// putAll puts the objects 0 to n-1 where objects of the resource are, for example "cluster.karmada.io/clusters". Their kinds must be set.
func (s *Store) putAll(ctx context.Context, resource string, n int, object func(i int) client.Object) error {
	var batch []put
	size := 0
	for i := range n {
		o := object(i)
		value, err := json.Marshal(o)
		if err != nil {
			return fmt.Errorf("encoding %s: %w", o.GetName(), err)
		}
		if len(batch) == mostPuts || size+len(value) > mostBytes*3/4 {
			if err := s.commit(ctx, batch); err != nil {
				return err
			}
			batch, size = batch[:0], 0
		}
		batch, size = append(batch, put{Key: []byte(keyOf(resource, o)), Value: value}), size+len(value)
	}
	return s.commit(ctx, batch)
}

// keyOf returns where an API server with the default prefix stores an object of a custom kind.
func keyOf(resource string, o client.Object) string {
	key := "/registry/" + resource + "/"
	if o.GetNamespace() != "" {
		key += o.GetNamespace() + "/"
	}
	return key + o.GetName()
}

// commit puts all or nothing.
func (s *Store) commit(ctx context.Context, batch []put) error {
	if len(batch) == 0 {
		return nil
	}
	type operation struct {
		Put put `json:"requestPut"`
	}
	var transaction struct {
		Success []operation `json:"success"`
	}
	for _, p := range batch {
		transaction.Success = append(transaction.Success, operation{p})
	}
	body, err := json.Marshal(transaction)
	if err != nil {
		return fmt.Errorf("encoding a transaction: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint+"/v3/kv/txn", bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := s.http.Do(request)
	if err != nil {
		return fmt.Errorf("putting objects into etcd: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status + ": " + string(answer))
	}
	if err != nil {
		return fmt.Errorf("putting objects into etcd: %w", err)
	}
	return nil
}
