// Package spread answers one question of a scheduling decision: which clusters
// shall a binding use, so that every spread constraint holds at once and the
// replicas fit? It is pure: no clock, randomness, logging or global state; the
// same problem gives the same answer, byte for byte.
//
// # Terms
//
// A [Problem] has n candidates, sorted by name, so that index order is name
// order. A [Key] (provider, region, zone, cluster or a label key) gives each
// candidate one or more groups. R is Problem.Replicas. For a candidate i
//
//	room(i) = Capacity[i] (R where Capacity is nil)
//	keep(i) = min(Current[i], room(i)) when divided, min(Current[i], R) when duplicated
//
// and for a set S of candidates groups(k, S) is the number of distinct groups
// of key k that S touches. A candidate in three zones touches all three, for
// the minimum and for the maximum alike.
//
// # Which sets are allowed
//
// S is allowed when it is not empty, holds no candidate that lacks a group in
// some key, and
//
//  1. Min ≤ groups(k, S) for every key, and groups(k, S) ≤ Max where Max > 0;
//  2. divided only: Σ room over S ≥ R;
//  3. divided only: some division of the R replicas over S (each cluster at
//     most its room) leaves a replica in at least min(Min, R) groups of every
//     key at once. Given 2 this holds exactly when there are *seats*: a subset
//     T of S of at most R clusters, each with room ≥ 1, such that groups(k, T)
//     ≥ min(Min, R) for every key. Whoever divides gives each seat one replica
//     first.
//
// Duplicated replicas never look at capacity (each chosen cluster gets all R
// whatever it reports), so 2 and 3 are void. R = 0 makes them void too.
// A division that ignores capacity, as static weights do, passes a nil
// Capacity: every cluster then has room for all R.
//
// # Which allowed set is best
//
// Larger is better at every level, and a level counts only when all before it
// are equal.
//
//  1. Kept: the most replicas that can stay where they run, over all divisions
//     that satisfy 3. Divided: max over valid seats T of
//     min(Σ keep over S, R − |{i ∈ T: keep(i) = 0}|), since a seat that holds
//     nothing today costs exactly one replica that could have stayed.
//     Duplicated: Σ keep over S.
//     The replicas moved are min(R, Σ Current) − Kept, so this is "fewest moved".
//  2. Tiers: for t from the lowest tier up, the replicas that tiers ≤ t can
//     hold: min(R, Σ room over S in tiers ≤ t). What a tier can hold never
//     overflows into the next, so this is the least overflow, lowest tier
//     first. Duplicated, where each cluster holds everything: the number of
//     chosen clusters in tiers ≤ t.
//  3. Score: Σ Score over S.
//  4. Groups: groups(k, S) for each key in the order of Problem.Keys.
//  5. Capacity: Σ room over S.
//  6. Names: of two sets the better one holds the smallest index at which they
//     differ.
//
// No level ever falls when a cluster is added. Without a Max the answer is
// therefore every candidate, and the answer is always maximal: no further
// cluster could be added. Level 6 makes the best set unique.
//
// Feeding an answer back is a fixed point: when Current becomes a division of R
// over the answer that keeps Kept replicas and holds the seats, the answer is
// the same. A better set would have to contain every cluster that now runs a
// replica, would hence have kept as many before, and would have won then.
//
// # How it is found
//
// Choosing groups under several keys is set covering, so NP-hard for keys in
// general position. The search is a dynamic programme over the classes of
// candidates with equal membership, in an order that keeps the groups of a key
// together. Its state is what the future needs to know: how many groups each
// key has used and which of the groups still open are among them (Bodlaender,
// "Dynamic programming on graphs with bounded treewidth", doi:10.1007/3-540-19488-6_110).
// Where keys nest at most one group per key is open, so that the number of
// states is the product of the bounds and the search is polynomial; a maximum
// of 20 regions beside one of 200 clusters is still too much for the default
// limit.
// Levels that are cut off at R turn a state into a front of undominated
// labels (Nemhauser and Ullmann, doi:10.1287/mnsc.15.9.494), and a label whose
// optimistic completion loses against a known answer is dropped (Morin and
// Marsten, doi:10.1287/opre.24.4.611).
//
// Where keys nest, as regions and their zones do, and for one key, the question is a
// knapsack over the tree of groups, which needs no search: a table by number of groups
// of each key and of clusters. Candidates in several groups of the finest key are
// decided by the sets of groups that they tie together. Groups that no best answer has
// are dropped beforehand by a Lagrangian bound, and so is what the table holds too far
// below it.
//
// Where other keys cross those that nest, and their groups can be combined in few ways
// (two of four providers with three of twelve racks), each combination is such a
// knapsack. A bound for all of them at once leaves few to solve.
//
// A first pass ignores the cut-offs, which makes every front a single label;
// its answer stands when it provably reaches the best value of each level
// ignored. Only otherwise a second pass tracks them.
//
// Beyond NodeLimit labels the search keeps a few of the most promising labels per
// step. Where keys cross and are too many to combine it has little hope: it gets a
// quarter of the limit, and is not begun at all when it could make but few labels for
// each class. Then local search over the groups of all keys, with a knapsack that
// decides one of them at a time, looks for a good answer, and branch and bound over the
// groups of all keys but the one with the most groups, with knapsacks as bounds,
// improves it and sometimes proves it. If neither ends within its limit, Proven is false.
//
// The best set of the keys that nest is the answer where a search for one that has
// more groups of other keys finds none. What counting shows to be impossible for one or
// two constraints, or a knapsack for the keys that nest, is refused without a search.
package spread
