package local

import "fmt"

// place is a pretended location. Members take the places in order, so that the first ones differ in all three respects.
type place struct{ provider, region, zone string }

var places = []place{
	{"aws", "eu-west-1", "eu-west-1a"},
	{"gcp", "us-central1", "us-central1-b"},
	{"azure", "southeastasia", "southeastasia-1"},
	{"aws", "us-east-1", "us-east-1c"},
	{"gcp", "europe-west4", "europe-west4-a"},
	{"azure", "westeurope", "westeurope-2"},
}

// placeOf returns the location of the member with this ordinal, counted from 0. Members share one when the places run out.
func placeOf(member int) place { return places[member%len(places)] }

func memberName(member int) string { return fmt.Sprintf("member%d", member+1) }
