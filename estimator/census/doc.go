// Package census holds what one member has: the room on its nodes, its quotas, and the pods that found no node. Watches write into it, and
// questions are answered from it without waiting for anything.
//
// A pod event costs the same however many nodes, pods and remembered questions there are: it changes one row of the room and notes the row in
// a journal. A remembered question reads the journal from where it stopped and counts the rows in it again, nothing else.
//
//	event ──► row of the room ──► journal ──┐
//	                                        ▼
//	question ──► claim (which nodes) ──► tally (copies by node, their sum) ──► least of it and the quotas ──► answer
//	                                        └──► sets of several tallies
package census
