package loop

import (
	"bytes"
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/longshore-project/longshore/apis"
	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// generic decodes the objects of the API groups as they are, without conversion or defaulting.
var generic = serializer.NewCodecFactory(apis.NewScheme()).WithoutConversion()

// directCodecs decodes what a watch delivers in one pass, and of bindings only what scheduling reads. The generic machinery reads every event five
// times: to find its end, to find out that it is an event, to decode that, to find out the kind of its object, to decode that. An API server
// writes one event a line, and kind and type first, so the line end and one look at the beginning tell them; what looks otherwise goes the long way.
type directCodecs struct {
	runtime.NegotiatedSerializer
	pool *pool
}

// SupportedMediaTypes implements runtime.NegotiatedSerializer.
func (c directCodecs) SupportedMediaTypes() []runtime.SerializerInfo {
	infos := c.NegotiatedSerializer.SupportedMediaTypes()
	out := make([]runtime.SerializerInfo, len(infos))
	for i, info := range infos {
		if info.MediaType == runtime.ContentTypeJSON && info.StreamSerializer != nil {
			stream := *info.StreamSerializer
			stream.Serializer, stream.Framer = eventSerializer{stream.Serializer}, lineFramer{stream.Framer}
			info.StreamSerializer = &stream
		}
		out[i] = info
	}
	return out
}

// DecoderToVersion implements runtime.NegotiatedSerializer.
func (c directCodecs) DecoderToVersion(d runtime.Decoder, gv runtime.GroupVersioner) runtime.Decoder {
	return objectDecoder{Decoder: c.NegotiatedSerializer.DecoderToVersion(d, gv), pool: c.pool}
}

// eventBegins is how an API server begins an event.
const eventBegins = `{"type":"`

// eventSerializer decodes the events of a watch, which have these two fields and no others.
type eventSerializer struct{ runtime.Serializer }

// Decode implements runtime.Decoder.
func (s eventSerializer) Decode(data []byte, defaults *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	event, ok := into.(*metav1.WatchEvent)
	if !ok {
		return s.Serializer.Decode(data, defaults, into)
	}
	rest, begins := bytes.CutPrefix(data, []byte(eventBegins))
	kind, rest, separated := bytes.Cut(rest, []byte(`","object":{`))
	rest, ends := bytes.CutSuffix(bytes.TrimSpace(rest), []byte("}}"))
	if !begins || !separated || !ends || bytes.ContainsAny(kind, `"\`) {
		return s.Serializer.Decode(data, defaults, into)
	}
	event.Type = string(kind)
	// The object is decoded before the next event overwrites the buffer.
	raw := data[bytes.IndexByte(data[1:], '{')+1:]
	event.Object.Raw = raw[:len(rest)+2]
	return event, nil, nil
}

// objectDecoder decodes the kinds that the loop watches.
type objectDecoder struct {
	runtime.Decoder
	pool *pool
}

// watched makes an empty object of each kind, by how its JSON begins.
var watched = map[string]func() runtime.Object{
	beginning(workv1alpha2.GroupVersion, "ResourceBinding"):        func() runtime.Object { return &workv1alpha2.ResourceBinding{} },
	beginning(workv1alpha2.GroupVersion, "ClusterResourceBinding"): func() runtime.Object { return &workv1alpha2.ClusterResourceBinding{} },
	beginning(clusterv1alpha1.GroupVersion, "Cluster"):             func() runtime.Object { return &clusterv1alpha1.Cluster{} },
}

func beginning(gv schema.GroupVersion, kind string) string {
	return `{"apiVersion":"` + gv.String() + `","kind":"` + kind + `",`
}

// Decode implements runtime.Decoder. Like the generic machinery it leaves the kind of the object empty.
func (d objectDecoder) Decode(data []byte, defaults *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	if into == nil {
		for begins, make := range watched {
			if len(data) >= len(begins) && strings.HasPrefix(string(data[:len(begins)]), begins) {
				object := make()
				return object, nil, d.decode(data, object)
			}
		}
	}
	object, kind, err := d.Decoder.Decode(data, defaults, into)
	d.pool.slim(object)
	return object, kind, err
}

func (d objectDecoder) decode(data []byte, into runtime.Object) error {
	if b, ok := into.(workv1alpha2.Binding); ok {
		return d.pool.decodeBinding(data, b)
	}
	err := json.Unmarshal(data, into)
	into.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	return err
}
