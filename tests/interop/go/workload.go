// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// treeSpans is the size of a trace: a root and its children.
const treeSpans = 5

// services each have a provider, an exporter and a connection of their own.
var services = []string{"llm-d-router/epp", "routing-proxy", "vllm-decode", "пример-服务-🛰"}

var kinds = []trace.SpanKind{trace.SpanKindInternal, trace.SpanKindServer, trace.SpanKindClient,
	trace.SpanKindProducer, trace.SpanKindConsumer}

// values are of all types that the SDK has.
var values = []attribute.KeyValue{
	attribute.String("text.ascii", "chatcmpl-8f1c"),
	attribute.String("text.empty", ""),
	attribute.String("text.unicode", "naïve 漢字 🚀 e\u0301"),
	attribute.String("text.control", "tab\tnewline\nnul\x00end"),
	attribute.String("text.long", strings.Repeat("0123456789abcdef", 256)),
	attribute.Bool("bool.true", true),
	attribute.Bool("bool.false", false),
	attribute.Int64("int.zero", 0),
	attribute.Int64("int.max", math.MaxInt64),
	attribute.Int64("int.min", math.MinInt64),
	attribute.Float64("double.negative_zero", math.Copysign(0, -1)),
	attribute.Float64("double.tiny", math.SmallestNonzeroFloat64),
	attribute.Float64("double.huge", math.MaxFloat64),
	attribute.Float64("double.infinity", math.Inf(-1)),
	attribute.Float64("double.nan", math.NaN()),
	attribute.ByteSlice("bytes", []byte{0, 1, 0x7f, 0x80, 0xff}),
	attribute.ByteSlice("bytes.empty", []byte{}),
	attribute.StringSlice("array.empty", []string{}),
	attribute.StringSlice("array.strings", []string{"default/pod-0", "", "ünïcode"}),
	attribute.BoolSlice("array.bools", []bool{true, false, true}),
	attribute.Int64Slice("array.ints", []int64{-1, 0, 1 << 40}),
	attribute.Float64Slice("array.doubles", []float64{0.25, -0.5, 1e-9}),
	attribute.Slice("array.mixed", attribute.StringValue("a"), attribute.Int64Value(1),
		attribute.Float64Value(2.5), attribute.BoolValue(false)),
	attribute.Map("map", attribute.String("model", "llama"),
		attribute.Map("nested", attribute.Int64("depth", 2),
			attribute.Slice("list", attribute.Int64Value(1)))),
}

// shape is a span by what a filter looks at.
type shape struct {
	name      string
	kind      trace.SpanKind
	attribute attribute.KeyValue
}

// scrapes has a shape for each condition of the filter in configs/, in the order of the conditions.
var scrapes = []shape{
	{"GET /metrics/path", trace.SpanKindServer, attribute.String("url.path", "/metrics")},
	{"target", trace.SpanKindServer, attribute.String("http.target", "/metrics")},
	{"route", trace.SpanKindServer, attribute.String("http.route", "/metrics")},
	{"GET /metrics http send", trace.SpanKindInternal, attribute.Bool("by.name", true)},
	{"GET", trace.SpanKindClient, attribute.String("url.full", "http://10.0.0.1:8000/metrics")},
}

// nearMisses are close to a scrape, and none.
var nearMisses = []shape{
	{"GET", trace.SpanKindServer, attribute.String("url.path", "/v1/models")},
	{"GET /metrics2", trace.SpanKindServer, attribute.String("url.path", "/metrics2")},
	{"GET", trace.SpanKindClient, attribute.String("url.full", "http://10.0.0.1/metrics/job")},
	{"scrape", trace.SpanKindServer, attribute.StringSlice("url.path", []string{"/metrics"})},
}

// workload makes spans that use what the SDK can express: services, scopes, all types of values,
// events, links, status, trace state, limits exceeded, remote parents. ../python/workload.py makes
// the like of it.
type workload struct {
	providers []*sdktrace.TracerProvider
	tracers   []trace.Tracer
	plain     []trace.Tracer // a second scope, without anything but its name
	failed    *failures
	count     int
}

// newWorkload gives each service one of ${processors}.
func newWorkload(processors []sdktrace.SpanProcessor, failed *failures) *workload {
	limits := sdktrace.NewSpanLimits()
	// Fewer than some spans want, so that dropped attributes, events and links are counted.
	limits.AttributeCountLimit, limits.EventCountLimit, limits.LinkCountLimit = 32, 6, 3
	w := &workload{failed: failed}
	for i, name := range services {
		own := resource.NewWithAttributes("https://opentelemetry.io/schemas/1.36.0",
			attribute.String("service.name", name), attribute.String("service.instance.id", "pod-0"),
			attribute.Int("host.cpus", 8), attribute.Float64("weight", 0.5),
			attribute.Bool("tracing", true),
			attribute.StringSlice("k8s.pod.labels", []string{"a=1", "b=2"}))
		provider := sdktrace.NewTracerProvider(sdktrace.WithResource(own),
			sdktrace.WithRawSpanLimits(limits), sdktrace.WithSpanProcessor(processors[i]))
		w.providers = append(w.providers, provider)
		w.tracers = append(w.tracers, provider.Tracer("interop",
			trace.WithInstrumentationVersion("1.2.3"),
			trace.WithSchemaURL("https://opentelemetry.io/schemas/1.37.0"),
			trace.WithInstrumentationAttributes(attribute.String("commit-sha", "0a1b2c"))))
		w.plain = append(w.plain, provider.Tracer("plain"))
	}
	return w
}

func (w *workload) flush() {
	for _, provider := range w.providers {
		if err := within(provider.ForceFlush); err != nil {
			w.failed.Handle(err)
		}
	}
}

func (w *workload) shutdown() {
	for _, provider := range w.providers {
		if err := within(provider.Shutdown); err != nil {
			w.failed.Handle(err)
		}
	}
}

// tree exports one trace of ${size} spans over all services.
func (w *workload) tree(size int) {
	number := w.count
	w.count++
	ctx := context.Background()
	if number%2 == 1 {
		ctx = trace.ContextWithRemoteSpanContext(ctx, remoteParent(number))
	}
	ctx, root := w.start(ctx, number, 0)
	for i := 1; i < size; i++ {
		_, child := w.start(ctx, number, i)
		decorate(child, number+i)
		child.End()
	}
	decorate(root, number)
	root.End()
}

// scrape exports a span that the filter's condition ${number} drops.
func (w *workload) scrape(number int) {
	condition := number % len(scrapes)
	made := scrapes[condition]
	_, span := w.tracers[number%len(services)].Start(context.Background(), made.name,
		trace.WithSpanKind(made.kind),
		trace.WithAttributes(made.attribute, attribute.Int("interop.scrape", condition)))
	span.End()
}

func (w *workload) oversize(size int) {
	_, span := w.tracers[0].Start(context.Background(), "oversize", trace.WithAttributes(
		attribute.String("content", strings.Repeat("x", size))))
	span.End()
}

func (w *workload) start(ctx context.Context, number, i int) (context.Context, trace.Span) {
	service := (number + i) % len(services)
	tracer := w.tracers[service]
	if i == 4 {
		tracer = w.plain[service]
	}
	made := shape{"llm_request", kinds[i%len(kinds)], attribute.Int("index", number)}
	if i == 3 {
		made = nearMisses[number%len(nearMisses)]
	}
	return tracer.Start(ctx, made.name, trace.WithSpanKind(made.kind),
		trace.WithAttributes(made.attribute), trace.WithLinks(links(number, i)...))
}

func decorate(span trace.Span, number int) {
	for k := range number % 6 {
		span.SetAttributes(values[(number*5+k)%len(values)])
	}
	if number%10 == 0 {
		span.SetAttributes(values...)
	}
	if number%25 == 0 { // beyond the limits
		for i := range 40 {
			span.SetAttributes(attribute.Int(fmt.Sprintf("filler.%d", i), i))
		}
		for i := range 9 {
			span.AddEvent(fmt.Sprintf("token %d", i))
		}
	}
	if number%4 == 0 {
		span.AddEvent("первое 🥇", trace.WithAttributes(attribute.Int("rank", 1),
			attribute.Float64Slice("scores", []float64{0.5, 0.25}), attribute.Bool("hit", true)))
		span.AddEvent("", trace.WithTimestamp(time.Unix(0, 1)))
	}
	if number%7 == 0 {
		span.RecordError(errors.New("no such model: ∅"))
		span.SetStatus(codes.Error, "отказ 💥")
	} else if number%5 == 0 {
		span.SetStatus(codes.Ok, "")
	}
}

func newTraceState(members ...string) trace.TraceState {
	state := trace.TraceState{}
	for i := 0; i < len(members); i += 2 {
		// The members are constants of a valid form.
		state, _ = state.Insert(members[i], members[i+1])
	}
	return state
}

func remoteParent(number int) trace.SpanContext {
	return newSpanContext(0xfeed, number+1, true, trace.FlagsSampled,
		newTraceState("rojo", "00f067aa0ba902b7", "vendor", fmt.Sprintf("opaque-%d", number)))
}

func newSpanContext(high, low int, remote bool, flags trace.TraceFlags,
	state trace.TraceState) trace.SpanContext {
	config := trace.SpanContextConfig{TraceFlags: flags, TraceState: state, Remote: remote}
	binary.BigEndian.PutUint64(config.TraceID[:8], uint64(high))
	binary.BigEndian.PutUint64(config.TraceID[8:], uint64(low))
	binary.BigEndian.PutUint64(config.SpanID[:], uint64(low))
	return trace.NewSpanContext(config)
}

func links(number, i int) []trace.Link {
	wanted := 0
	if number%25 == 0 {
		wanted = 5
	} else if number%3 == 0 {
		wanted = i % 3
	}
	made := make([]trace.Link, wanted)
	for n := range made {
		made[n] = trace.Link{
			SpanContext: newSpanContext(0xabcd, i+1, i%2 == 1, trace.TraceFlags(i%2),
				newTraceState("k", "v")),
			Attributes: []attribute.KeyValue{attribute.String("reason", "batch"),
				attribute.Int("position", n)},
		}
	}
	return made
}
