package wire

import (
	"fmt"
	"slices"
	"time"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Bounds on what a plugin may add to an explanation, which is kept as long as the decision.
const (
	maxRemarks    = 16
	maxTextBytes  = 512
	maxOrigins    = 1024
	maxOriginText = 64 << 10
)

// FromRemarks returns the messages of what a score remarks.
func FromRemarks(remarks []framework.ScoreRemark) []*pluginv1.ScoreRemark {
	if len(remarks) == 0 {
		return nil
	}
	out := make([]*pluginv1.ScoreRemark, len(remarks))
	for i, r := range remarks {
		out[i] = &pluginv1.ScoreRemark{Clusters: FromBitset(r.Clusters), Text: r.Text}
	}
	return out
}

// ToRemarks returns the remarks of the messages. It is an error when there are too many, one is too long, or one names other than the n clusters
// that exist.
func ToRemarks(messages []*pluginv1.ScoreRemark, n int) ([]framework.ScoreRemark, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	if len(messages) > maxRemarks {
		return nil, fmt.Errorf("%d remarks; at most %d are allowed: name all clusters of one remark together", len(messages), maxRemarks)
	}
	out := make([]framework.ScoreRemark, len(messages))
	for i, m := range messages {
		clusters, err := ToBitset(m.GetClusters(), n)
		if err != nil {
			return nil, fmt.Errorf("remark %d: %w", i, err)
		}
		if size := len(m.GetText()); size == 0 || size > maxTextBytes {
			return nil, fmt.Errorf("remark %d has %d bytes; 1 to %d are allowed", i, size, maxTextBytes)
		}
		out[i] = framework.ScoreRemark{Clusters: clusters, Text: m.GetText()}
	}
	return out, nil
}

// FromOrigins returns the origins of the capacities, each once, and for each capacity the place of its own, counted from 1. Both are nil when no
// capacity tells its origin.
func FromOrigins(list []framework.Capacity) (origins []*pluginv1.Origin, places []uint32) {
	seen := map[framework.Origin]uint32{}
	for i := range list {
		o := list[i].Origin
		if o == nil {
			continue
		}
		if places == nil {
			places = make([]uint32, len(list))
		}
		if i > 0 && o == list[i-1].Origin {
			places[i] = places[i-1]
			continue
		}
		place, known := seen[*o]
		if !known {
			m := &pluginv1.Origin{Source: o.Source, Fallback: o.Fallback}
			if !o.At.IsZero() {
				m.AtUnixNanoseconds = o.At.UnixNano()
			}
			origins = append(origins, m)
			place = uint32(len(origins))
			seen[*o] = place
		}
		places[i] = place
	}
	return origins, places
}

// ToOrigins sets the origins of the capacities to what the messages say. It is an error when a place is out of range, or there is too much text.
func ToOrigins(origins []*pluginv1.Origin, places []uint32, list []framework.Capacity) error {
	if len(origins) == 0 && len(places) == 0 {
		return nil
	}
	if len(places) != len(list) {
		return fmt.Errorf("%d places of origins for %d clusters", len(places), len(list))
	}
	if len(origins) > maxOrigins {
		return fmt.Errorf("%d origins; at most %d are allowed: tell each once", len(origins), maxOrigins)
	}
	known, text := make([]framework.Origin, len(origins)), 0
	for i, m := range origins {
		if len(m.GetSource()) == 0 || len(m.GetSource()) > maxTextBytes || len(m.GetFallback()) > maxTextBytes {
			return fmt.Errorf("origin %d has a source of %d and a fallback of %d bytes; 1 to %d and at most %d are allowed",
				i, len(m.GetSource()), len(m.GetFallback()), maxTextBytes, maxTextBytes)
		}
		text += len(m.GetSource()) + len(m.GetFallback())
		known[i] = framework.Origin{Source: m.GetSource(), Fallback: m.GetFallback()}
		if at := m.GetAtUnixNanoseconds(); at != 0 {
			known[i].At = time.Unix(0, at).UTC()
		}
	}
	if text > maxOriginText {
		return fmt.Errorf("the origins have %d bytes of text; at most %d are allowed", text, maxOriginText)
	}
	if slices.ContainsFunc(places, func(p uint32) bool { return int(p) > len(known) }) {
		return fmt.Errorf("a place of an origin is above %d, the number of origins", len(known))
	}
	for i, p := range places {
		if p > 0 && list[i].Known {
			list[i].Origin = &known[p-1]
		}
	}
	return nil
}
