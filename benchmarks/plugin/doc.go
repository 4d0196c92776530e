// Package plugin measures what it costs to ask a plugin in another process, beside the same plugin compiled in and beside a bare gRPC stream
// that carries the same bytes.
//
//	go test ./benchmarks/plugin -run '^$' -bench Plugin -count 10 | benchstat -col /transport -
//
// Transports: inprocess calls the Go value. goplugin runs it as a process over a unix socket with mutual TLS, remote dials such a process over
// TCP with mutual TLS. echo and echotls are a process that answers raw bytes of the same sizes, over a unix socket without and with mutual TLS.
package plugin
