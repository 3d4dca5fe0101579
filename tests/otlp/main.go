// Receives spans as an OpenTelemetry collector does: OTLP over HTTP, decoded by the collector's own data types. Prints where it
// listens, then each span as a line of JSON.
//
//	go run . [-refuse N]    the first N exports are answered 503
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// A span as the test reads it.
type line struct {
	Trace      string         `json:"trace"`
	Span       string         `json:"span"`
	Parent     string         `json:"parent"`
	Name       string         `json:"name"`
	Kind       string         `json:"kind"`
	Status     string         `json:"status"`
	StartNs    int64          `json:"start_ns"`
	EndNs      int64          `json:"end_ns"`
	Attributes map[string]any `json:"attributes"`
	Links      []link         `json:"links"`
	Resource   map[string]any `json:"resource"`
	Scope      string         `json:"scope"`
	// What the exporter showed to be let in.
	Authorization string `json:"authorization"`
}

type link struct {
	Trace string `json:"trace"`
	Span  string `json:"span"`
}

type receiver struct {
	lock   sync.Mutex
	refuse int
	out    *json.Encoder
}

func main() {
	refuse := flag.Int("refuse", 0, "exports to answer 503 first")
	flag.Parse()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	handler := http.NewServeMux()
	handler.Handle("/v1/traces", &receiver{refuse: *refuse, out: json.NewEncoder(os.Stdout)})
	fmt.Fprintln(os.Stderr, http.Serve(listener, handler))
	os.Exit(1)
}

func (r *receiver) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	r.lock.Lock()
	defer r.lock.Unlock()
	body, err := io.ReadAll(request.Body)
	kind := request.Header.Get("Content-Type")
	if err != nil || request.Method != http.MethodPost || kind != "application/x-protobuf" {
		http.Error(answer, "post application/x-protobuf", http.StatusUnsupportedMediaType)
		return
	}
	if r.refuse > 0 {
		r.refuse--
		http.Error(answer, "later", http.StatusServiceUnavailable)
		return
	}
	export := ptraceotlp.NewExportRequest()
	if err := export.UnmarshalProto(body); err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	r.tell(export.Traces(), request.Header.Get("Authorization"))
	done, err := ptraceotlp.NewExportResponse().MarshalProto()
	if err != nil {
		http.Error(answer, err.Error(), http.StatusInternalServerError)
		return
	}
	answer.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = answer.Write(done)
}

func (r *receiver) tell(traces ptrace.Traces, authorization string) {
	for i := 0; i < traces.ResourceSpans().Len(); i++ {
		resource := traces.ResourceSpans().At(i)
		for j := 0; j < resource.ScopeSpans().Len(); j++ {
			scope := resource.ScopeSpans().At(j)
			for k := 0; k < scope.Spans().Len(); k++ {
				span := scope.Spans().At(k)
				made := line{
					Trace: span.TraceID().String(), Span: span.SpanID().String(), Parent: span.ParentSpanID().String(),
					Name: span.Name(), Kind: span.Kind().String(), Status: span.Status().Code().String(),
					StartNs: span.StartTimestamp().AsTime().UnixNano(), EndNs: span.EndTimestamp().AsTime().UnixNano(),
					Attributes: raw(span.Attributes()), Links: []link{}, Resource: raw(resource.Resource().Attributes()),
					Scope: scope.Scope().Name(), Authorization: authorization,
				}
				for l := 0; l < span.Links().Len(); l++ {
					to := span.Links().At(l)
					made.Links = append(made.Links, link{to.TraceID().String(), to.SpanID().String()})
				}
				_ = r.out.Encode(made)
			}
		}
	}
}

func raw(attributes pcommon.Map) map[string]any {
	return attributes.AsRaw()
}
