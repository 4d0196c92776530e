// Package override changes manifests on their way to one member, as OverridePolicies and ClusterOverridePolicies say.
//
// It is pure. Finding the policies of an object (Match) is apart from applying them for a cluster (Matched.Apply), because the first is
// done once for each object and the second once for each of its clusters. An object that no policy matches is never copied or decoded.
package override
