// Package interpreter knows what the fields of the native kinds mean: how many replicas a template asks for and what one of them needs,
// how to give a member its share, what a member may decide by itself, what of a member's status is worth keeping, how the statuses of
// all members become the template's, and whether an object does what it should.
//
// Everything is pure: functions of objects, without clock, client or configuration. Objects stay unstructured, so fields that this
// version does not know survive every edit.
//
// A kind is a value that implements those of the small interfaces in registry.go for which it has a rule. All other kinds get the
// defaults written at the methods of Interpreter.
//
// Where the rules differ from Karmada's on purpose:
//   - The reflected status of a StatefulSet has observedGeneration, so that the template's can catch up.
//   - A template that wants replicas and is in no member has not been observed by anyone: observedGeneration waits.
//   - A Job's status moves only as the API server allows: succeeded and failed never decrease, Failed comes with FailureTarget, and a
//     finished Job counts no active pods, even if those of another member still run.
//   - A Service keeps the member's clusterIP unless the manifest sets one, for example by an override.
package interpreter
