// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"math/rand"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resources "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Random requests of every shape that OTLP allows, the same for the same seed. Each span's name is
// its own, so that it can be found again whatever ids it has.
type generator struct {
	random *rand.Rand
	spans  int
}

func newGenerator(seed int64) *generator {
	return &generator{random: rand.New(rand.NewSource(seed))}
}

func (g *generator) oneIn(n int) bool {
	return g.random.Intn(n) == 0
}

func pick[T any](g *generator, from []T) T {
	return from[g.random.Intn(len(from))]
}

var texts = []string{"", "a", "service", "<b>&\"'</b>", "zwölf \u2028 \U0001f600", "a\x00b", "\t\n\\",
	"child_of", "{\"a\":1}"}

var keys = []string{"", "k", "service.name", "http.status_code", "http.response.status_code", "event",
	"error", "span.kind", "otel.status_code", "opentracing.ref_type", "sampler.param",
	"gen_ai.request.model", "<k>"}

var doubles = []float64{0, math.Copysign(0, -1), 1.5, -2, 1e21, 1e-7, 123456789012345680, math.MaxFloat64,
	math.SmallestNonzeroFloat64, math.NaN(), math.Inf(1), math.Inf(-1)}

var integers = []int64{0, 1, -1, 404, math.MaxInt64, math.MinInt64}

var times = []uint64{0, 1, 999999999, 1700000000000000001, 1700000001000000000, math.MaxInt64,
	math.MaxInt64 + 1, math.MaxUint64}

var counts = []uint32{0, 0, 0, 1, 7, math.MaxUint32}

func (g *generator) value(depth int) *common.AnyValue {
	kinds := 8
	if depth > 3 {
		kinds = 6
	}
	switch g.random.Intn(kinds) {
	case 0:
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: pick(g, texts)}}
	case 1:
		return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: g.oneIn(2)}}
	case 2:
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: pick(g, integers)}}
	case 3:
		return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: pick(g, doubles)}}
	case 4:
		return &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: []byte(pick(g, texts))}}
	case 5:
		if depth == 0 && g.oneIn(2) {
			return nil
		}
		return &common.AnyValue{}
	case 6:
		array := &common.ArrayValue{}
		for range g.random.Intn(4) {
			array.Values = append(array.Values, g.value(depth+1))
		}
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: array}}
	default:
		return &common.AnyValue{Value: &common.AnyValue_KvlistValue{
			KvlistValue: &common.KeyValueList{Values: g.attributes(depth + 1)}}}
	}
}

// Keys come from a short list: duplicates are frequent.
func (g *generator) attributes(depth int) []*common.KeyValue {
	var list []*common.KeyValue
	for range g.random.Intn(6) {
		list = append(list, &common.KeyValue{Key: pick(g, keys), Value: g.value(depth)})
	}
	return list
}

// Few ids, so that links meet parents; sometimes none.
func (g *generator) id(length int) []byte {
	if g.oneIn(6) {
		return nil
	}
	id := make([]byte, length)
	id[0], id[length-1] = 0xf0, byte(1+g.random.Intn(3))
	return id
}

func (g *generator) span() *trace.Span {
	g.spans++
	span := &trace.Span{
		Name: fmt.Sprintf("span %d", g.spans), TraceId: g.id(16), SpanId: g.id(8),
		ParentSpanId: g.id(8), TraceState: pick(g, texts),
		Kind: trace.Span_SpanKind(g.random.Intn(8)), Flags: pick(g, []uint32{0, 1, 0x100, 0x301}),
		StartTimeUnixNano: pick(g, times), EndTimeUnixNano: pick(g, times),
		Attributes: g.attributes(0), DroppedAttributesCount: pick(g, counts),
		DroppedEventsCount: pick(g, counts), DroppedLinksCount: pick(g, counts),
	}
	for range g.random.Intn(3) {
		span.Events = append(span.Events, &trace.Span_Event{
			Name: pick(g, texts), TimeUnixNano: pick(g, times), Attributes: g.attributes(0),
			DroppedAttributesCount: pick(g, counts)})
	}
	for range g.random.Intn(4) {
		span.Links = append(span.Links, &trace.Span_Link{
			TraceId: g.id(16), SpanId: g.id(8), TraceState: pick(g, texts),
			Attributes: g.linkAttributes(), Flags: pick(g, []uint32{0, 1})})
	}
	if !g.oneIn(4) {
		span.Status = &trace.Status{Message: pick(g, texts),
			Code: trace.Status_StatusCode(g.random.Intn(4))}
	}
	return span
}

func (g *generator) linkAttributes() []*common.KeyValue {
	if g.oneIn(2) {
		return g.attributes(0)
	}
	return []*common.KeyValue{{Key: "opentracing.ref_type", Value: g.value(0)},
		{Key: "opentracing.ref_type", Value: &common.AnyValue{
			Value: &common.AnyValue_StringValue{StringValue: "child_of"}}}}[g.random.Intn(2):]
}

func (g *generator) request() *collector.ExportTraceServiceRequest {
	request := &collector.ExportTraceServiceRequest{}
	for range 1 + g.random.Intn(3) {
		group := &trace.ResourceSpans{SchemaUrl: pick(g, texts)}
		if !g.oneIn(4) {
			group.Resource = &resources.Resource{Attributes: g.attributes(0),
				DroppedAttributesCount: pick(g, counts)}
		}
		for range g.random.Intn(3) {
			scope := &trace.ScopeSpans{SchemaUrl: pick(g, texts)}
			if !g.oneIn(3) {
				scope.Scope = &common.InstrumentationScope{Name: pick(g, texts),
					Version: pick(g, texts), Attributes: g.attributes(0)}
			}
			for range g.random.Intn(4) {
				scope.Spans = append(scope.Spans, g.span())
			}
			group.ScopeSpans = append(group.ScopeSpans, scope)
		}
		request.ResourceSpans = append(request.ResourceSpans, group)
	}
	return request
}
