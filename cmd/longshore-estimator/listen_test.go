package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// TestListenOn takes over the socket of a process that is gone, and no other, for its user alone.
func TestListenOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := listenOn(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("the socket is %v, %v, want one that only its owner can open", info.Mode(), err)
	}
	if _, err := listenOn(path); err == nil || !strings.Contains(err.Error(), "somebody else serves on "+path) {
		t.Errorf("beside another server the error is %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := listenOn(path)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestSecretsOfOtherNamespaces(t *testing.T) {
	err := secretsOf{namespaces: []string{"karmada-cluster"}}.Get(t.Context(), client.ObjectKey{Namespace: "mine", Name: "member1"}, &corev1.Secret{})
	if err == nil || !strings.Contains(err.Error(), "mine/member1 is in none of --secret-namespaces [karmada-cluster]") {
		t.Errorf("the error is %v, want one that names the flag", err)
	}
	if !errors.Is(err, reconcile.TerminalError(nil)) {
		t.Error("it would be tried again and again")
	}
}
