package member

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// aggregatedDiscovery asks for all groups in one answer, the form whose ETag says whether anything changed.
const aggregatedDiscovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

// discoveryRoots are the two documents of which discovery consists.
var discoveryRoots = [...]string{"/api", "/apis"}

// DiscoveryTags identify one state of what a member serves. The zero value is no known state.
type DiscoveryTags [len(discoveryRoots)]string

// Revalidate asks whether discovery would still say what it said at tags, and returns the tags of now. An unchanged member answers with
// two empty responses; reading and decoding everything it serves at every heartbeat would be most of the work of a large fleet. Members too
// old for tags have always changed.
func (c *Clients) Revalidate(ctx context.Context, tags DiscoveryTags) (now DiscoveryTags, changed bool, err error) {
	for i, path := range discoveryRoots {
		tag, same, err := c.revalidate(ctx, path, tags[i])
		if err != nil {
			return tags, false, err
		}
		now[i] = tag
		changed = changed || !same
	}
	return now, changed, nil
}

func (c *Clients) revalidate(ctx context.Context, path, tag string) (now string, same bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.host+path, nil)
	if err != nil {
		return "", false, fmt.Errorf("asking for %s: %w", path, err)
	}
	request.Header.Set("Accept", aggregatedDiscovery)
	if tag != "" {
		request.Header.Set("If-None-Match", tag)
	}
	response, err := c.requests.Do(request)
	if err != nil {
		return "", false, fmt.Errorf("asking for %s: %w", path, err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil { // So that the connection can be used again.
		return "", false, fmt.Errorf("reading %s: %w", path, err)
	}
	if response.StatusCode == http.StatusNotModified {
		return tag, tag != "", nil
	}
	return response.Header.Get("ETag"), false, nil
}
