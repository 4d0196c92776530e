// Package perf measures the scheduler as its users run it: its own process against a real API server. Beside it, in the same run and upon the
// same server, a bare writer makes the same two writes for each binding and decides nothing: how close the scheduler comes to it says how much
// of the time is the API server's. README.md describes the method.
//
//	case ──► setup: the fleet
//	     └─► rounds: for the scheduler and for the bare writer in turn
//	           create bindings ─► start ─► await that all are placed ─► measurement ─► delete
package perf
