// Package member holds the connections to joined clusters.
//
// Each Cluster object owns one session: a Member with its own transport, rate limits, queues and goroutines. A session begins when the
// Cluster appears, is replaced when its endpoint, credentials or proxy change, and ends with the Cluster. What is done for a member
// (executing Works, collecting status) is a Runner; sessions share nothing, so a member that never answers holds up nobody else.
//
//	Cluster appears ──► session 1 ──secret rotated──► session 2 ──Cluster gone──► nothing
//	                    Run(ctx, m1)                  Run(ctx, m2), only after every Run(ctx, m1) returned
package member
