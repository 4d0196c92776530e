// Package fit counts how many copies of something fit on nodes. It knows neither Kubernetes nor time: nodes are rows of a table of free
// amounts, and which nodes a copy may use is a set of rows.
//
//   - Copies of one shape: every node is a question of its own, so the answer is exact: the sum over usable nodes of
//     min(places, floor(free / requested) over the requested resources).
//   - Complete sets of several shapes compete for the same nodes, which is vector bin packing and NP-hard (Garey and Johnson, Computers and
//     Intractability, 1979, SR1). Sets gives the exact number while a dynamic program over the nodes stays below a fixed number of steps, or
//     when a placement meets an upper bound; otherwise a number for which it found a placement, marked as not exact.
package fit
