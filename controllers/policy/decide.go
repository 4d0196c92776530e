package policy

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
)

// Trigger says what happened since the template was last looked at. Several may be set.
type Trigger uint8

const (
	// TemplateChanged means that a user created or changed the template.
	TemplateChanged Trigger = 1 << iota
	// PolicyChanged means that a policy changed, so that the claim must be evaluated anew.
	PolicyChanged
)

// Action is what to do with a template.
type Action uint8

const (
	// Hold leaves the template and its binding as they are.
	Hold Action = iota
	// Apply claims the template for Decision.Policy and builds the binding.
	Apply
	// Release removes the claim from template and binding; the binding and what it placed stay.
	Release
)

// Decision is what [Catalog.Decide] returns.
type Decision struct {
	Action Action
	// Policy is the policy to apply; nil unless Action is Apply.
	Policy policyv1alpha1.Policy
	// Waits tells that a later policy may claim the template, or that Policy cannot be applied before it changes.
	Waits bool
	// Preempted names the policy that lost the template to Policy; zero if none did.
	Preempted Key
}

// Decide says which policy a template belongs to, given the claim that it carries and what happened.
//
//   - A claim is kept while its policy exists, without looking at other policies, unless preemption is on and one takes
//     the template away.
//   - A policy that no longer selects the template releases it when the policy changes, not when the template does.
//   - An invalid policy keeps what it has claimed, unchanged.
//   - Otherwise the best match claims the template; one without permanent id must get it first.
func (c *Catalog) Decide(template *unstructured.Unstructured, trigger Trigger, preemption bool) Decision {
	claim := ClaimOf(template)
	if claim == (Claim{}) {
		return c.decideAnew(template)
	}
	current := c.Get(claim.Policy)
	switch {
	case current == nil || current.Policy.GetDeletionTimestamp() != nil:
		return c.decideAnew(template)
	case current.Err != nil:
		return Decision{Action: Hold}
	}
	if preemption {
		if taker := c.Preemptor(template, current); taker != nil && permanentID(taker.Policy) != "" {
			return Decision{Action: Apply, Policy: taker.Policy, Preempted: claim.Policy}
		}
	}
	switch {
	case c.Selects(claim.Policy, template):
		return Decision{Action: Apply, Policy: current.Policy}
	case trigger&PolicyChanged == 0:
		return Decision{Action: Hold}
	default:
		return c.decideAnew(template)
	}
}

// decideAnew finds a policy regardless of the claim that the template may carry. A match without permanent id is worth
// waiting for: it gets one in a moment, and until then nothing better can be written.
func (c *Catalog) decideAnew(template *unstructured.Unstructured) Decision {
	match, _ := c.Match(template)
	switch {
	case match == nil:
		return Decision{Action: Release, Waits: true}
	case permanentID(match.Policy) == "":
		return Decision{Action: Hold, Waits: true}
	default:
		return Decision{Action: Apply, Policy: match.Policy}
	}
}

// postpones reports whether the policy's lazy activation leaves the binding alone for now: only a user's change of the
// template refreshes it.
func postpones(p policyv1alpha1.Policy, trigger Trigger) bool {
	return p.PropagationSpec().ActivationPreference == policyv1alpha1.LazyActivation && trigger&TemplateChanged == 0
}
