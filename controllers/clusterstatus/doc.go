// Package clusterstatus observes members and records what it sees in Cluster.status.
//
// Every member has a loop of its own: ask for health, version and served kinds, read node and pod totals that watches keep up to date, and
// write the status if anything changed. A heartbeat that finds nothing new writes nothing.
package clusterstatus
