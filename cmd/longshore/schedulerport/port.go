// Package schedulerport asks a running scheduler what it publishes on its secure port, for the commands that print it.
package schedulerport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// Port is the flags that say which scheduler is asked, and how the answer is printed.
type Port struct {
	address string
	caFile  string
	// insecure accepts any certificate.
	insecure bool
	timeout  time.Duration
	output   string
}

const (
	// defaultScheduler is where longshore-scheduler listens by default.
	defaultScheduler = "https://127.0.0.1:10351"
	defaultTimeout   = 10 * time.Second
	// longestAnswer bounds what is read, in bytes.
	longestAnswer = 64 << 20
)

// Bind registers the flags, and refuses arguments.
func (p *Port) Bind(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&p.address, "scheduler", defaultScheduler, "address of the scheduler's secure port")
	fs.StringVar(&p.caFile, "certificate-authority", "", "CA of the scheduler's certificate; without it that of the system, and any certificate on a loopback address, where schedulers make their own")
	fs.BoolVar(&p.insecure, "insecure-skip-tls-verify", false, "accept any certificate")
	fs.DurationVar(&p.timeout, "timeout", defaultTimeout, "how long to wait for the answer")
	fs.StringVarP(&p.output, "output", "o", "table", "table, json or yaml")
	// It fails only for flags that do not exist.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]cobra.Completion{"table", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("scheduler", cobra.NoFileCompletions)
	cmd.Args, cmd.ValidArgsFunction = cobra.NoArgs, cobra.NoFileCompletions
}

// Show asks the scheduler for the document at the path, with these parameters, and prints it as the flags say; table prints the table.
func (p *Port) Show(ctx context.Context, out io.Writer, path string, parameters url.Values, table func(document []byte) error) error {
	if p.output != "table" && p.output != "json" && p.output != "yaml" {
		return fmt.Errorf("--output %q is unknown: table, json or yaml", p.output)
	}
	document, err := p.Ask(ctx, path, parameters)
	if err != nil {
		return err
	}
	switch p.output {
	case "json":
		_, err = out.Write(document)
	case "yaml":
		if document, err = yaml.JSONToYAML(document); err == nil {
			_, err = out.Write(document)
		}
	default:
		err = table(document)
	}
	return err
}

// Ask returns what the scheduler serves at the path with these parameters, of which there may be none.
func (p *Port) Ask(ctx context.Context, path string, parameters url.Values) ([]byte, error) {
	base, err := p.base()
	if err != nil {
		return nil, err
	}
	config, err := p.tlsConfig(base)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	base = base.JoinPath(path)
	base.RawQuery = parameters.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("asking the scheduler: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return nil, p.explain(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer of the scheduler at %s: %w", p.address, err)
	case response.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("what answers at %s does not know %s: it is no longshore-scheduler, or an older one", p.address, path)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the scheduler at %s answers %s: %s", p.address, response.Status, strings.TrimSpace(string(body)))
	}
	return body, nil
}

func (p *Port) base() (*url.URL, error) {
	u, err := url.Parse(p.address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("--scheduler %q is no address: write https://host:port", p.address)
	}
	return u, nil
}

// tlsConfig trusts whoever answers on a loopback address unless a CA is given: a scheduler without --tls-cert-file makes a certificate of its
// own, nobody else's machine is between, and nothing secret is sent.
func (p *Port) tlsConfig(base *url.URL) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: p.insecure || p.caFile == "" && loopback(base.Hostname())}
	if p.caFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(p.caFile)
	if err != nil {
		return nil, fmt.Errorf("reading --certificate-authority: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading --certificate-authority: %s holds no PEM certificate", p.caFile)
	}
	return config, nil
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// explain adds the cure.
func (p *Port) explain(err error) error {
	var untrusted *tls.CertificateVerificationError
	var network *net.OpError
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	switch {
	case errors.As(err, &untrusted):
		return fmt.Errorf("the scheduler at %s shows a certificate that is not trusted: %w: name its CA by --certificate-authority", p.address, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the scheduler at %s does not answer within %v: see --timeout", p.address, p.timeout)
	case errors.As(err, &network):
		return fmt.Errorf("no scheduler answers at %s: %w: name its --secure-port by --scheduler; one in a cluster is reached through kubectl port-forward", p.address, err)
	}
	return fmt.Errorf("asking the scheduler at %s: %w", p.address, err)
}

// Ago prints how long ago a moment was.
func Ago(now, then time.Time) string {
	d := now.Sub(then)
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= 2*unit.length {
			return fmt.Sprintf("%d%s", d/unit.length, unit.name)
		}
	}
	return fmt.Sprintf("%ds", max(0, d/time.Second))
}
