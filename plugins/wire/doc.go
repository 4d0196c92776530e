// Package wire translates between the framework's values and the messages of the plugin protocol, in both directions, and checks what comes
// in. From functions make messages, To functions make values. Nothing here does any input or output.
package wire

import "math"

// ProtocolVersions are the versions of the protocol that this code speaks, in ascending order.
var ProtocolVersions = []uint32{1}

// MaxMessageBytes bounds one message in either direction, so that a broken peer cannot exhaust the memory of the other.
const MaxMessageBytes = 64 << 20

// Window is the flow-control window of a stream in bytes: room for the tables of some thousand clusters without waiting for the peer.
const Window = 4 << 20

// The handshake of hashicorp/go-plugin. The cookie is no secret: it keeps people from running a plugin by hand and wondering why it says
// nothing.
const (
	CookieKey   = "LONGSHORE_PLUGIN"
	CookieValue = "e1c9a8f0-7f0a-4a5e-9c56-placement"
	// PluginName is the name of the one service that a plugin process serves.
	PluginName = "placement"
)

// Common returns the highest version that is in both lists.
func Common(ours, theirs []uint32) (version uint32, ok bool) {
	for _, a := range ours {
		for _, b := range theirs {
			if a == b && (!ok || a > version) {
				version, ok = a, true
			}
		}
	}
	return version, ok
}

// clamp32 turns a row into its wire form; rows are never negative and far below the limit.
func clamp32(row int32) uint32 { return uint32(min(max(int64(row), 0), math.MaxUint32)) }
