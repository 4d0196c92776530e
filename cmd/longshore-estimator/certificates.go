package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/longshore-project/longshore/cmd/internal/keys"
)

// certificateLife is a year: long enough to try things, short enough that a fleet has something better by then.
const certificateLife = 365 * 24 * time.Hour

func newCertificatesCommand() *cobra.Command {
	hosts := []string{"localhost", "127.0.0.1"}
	command := &cobra.Command{
		Use:   "certificates DIR",
		Short: "Make certificates for an estimator and its clients",
		Long: `Writes ca.crt, server.crt, server.key, client.crt and client.key, valid for a year and readable by you alone, over what was there. The key of the
CA is not kept: to renew or add one certificate make all of them again. An estimator that runs takes them up by itself.`,
		Example: "  longshore-estimator certificates ./tls --hosts estimator.example.com,10.0.0.7",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if err := writeCertificates(args[0], hosts); err != nil {
				return fmt.Errorf("making certificates: %w", err)
			}
			fmt.Fprintf(command.OutOrStdout(), "Wrote ca.crt, server.crt, server.key, client.crt and client.key to %s\n", args[0])
			return nil
		},
	}
	command.Flags().StringSliceVar(&hosts, "hosts", hosts, "names and addresses by which clients reach the estimator")
	return command
}

func writeCertificates(dir string, hosts []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	authority, err := keys.NewAuthority("longshore-estimator-ca", certificateLife)
	if err != nil {
		return err
	}
	server := &x509.Certificate{Subject: pkix.Name{CommonName: "longshore-estimator"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, host)
		}
	}
	client := &x509.Certificate{Subject: pkix.Name{CommonName: "longshore-estimator-client"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := authority.Issue(server, file("server.crt"), file("server.key")); err != nil {
		return err
	}
	if err := authority.Issue(client, file("client.crt"), file("client.key")); err != nil {
		return err
	}
	return authority.WriteCertificate(file("ca.crt"))
}
