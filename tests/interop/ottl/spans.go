// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"

	"go.opentelemetry.io/collector/pdata/ptrace"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

func text(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}

func whole(i int64) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: i}}
}

func double(f float64) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: f}}
}

func truth(b bool) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: b}}
}

func raw(b ...byte) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: b}}
}

func list(values ...*common.AnyValue) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: values}}}
}

func pair(key string, value *common.AnyValue) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: value}
}

func mapping(pairs ...*common.KeyValue) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: pairs}}}
}

// Every type, duplicates, values that numbers and texts are made of, damaged ones.
func richAttributes() []*common.KeyValue {
	return []*common.KeyValue{
		pair("http.method", text("GET")), pair("http.status_code", whole(500)), pair("status.text", text("500")),
		pair("url", text("http://vllm:8000/metrics")), pair("ratio", double(0.5)), pair("whole", double(5)),
		pair("large", double(1e21)), pair("tiny", double(1e-7)), pair("nan", double(math.NaN())),
		pair("inf", double(math.Inf(1))), pair("negative_inf", double(math.Inf(-1))), pair("negative_zero", double(math.Copysign(0, -1))),
		pair("ok", truth(true)), pair("failed", truth(false)), pair("raw", raw(0xc0, 0xff, 0xee)), pair("no_bytes", raw()),
		pair("empty", &common.AnyValue{}), pair("blank", text("")), pair("negative", whole(-42)), pair("zero", whole(0)),
		pair("min", whole(math.MinInt64)), pair("max", whole(math.MaxInt64)), pair("big_double", double(9.3e18)),
		pair("nested", mapping(pair("z", text("x")), pair("n", mapping(pair("deep", whole(7)))), pair("a", list(whole(1), double(2.5), text("<&>"))),
			pair("bytes", raw(1, 2)), pair("nothing", &common.AnyValue{}))),
		pair("map.ab", mapping(pair("a", whole(1)), pair("b", text("2")))), pair("map.ba", mapping(pair("b", text("2")), pair("a", whole(1)))),
		pair("map.twice", mapping(pair("a", whole(1)), pair("a", whole(2)))), pair("map.nan", mapping(pair("a", double(math.NaN())))),
		pair("map.empty", mapping()), pair("list.empty", list()),
		pair("tags", list(text("a"), text("b"), whole(3), &common.AnyValue{}, raw(9), double(5), list(whole(1)))),
		pair("umlaut", text("Äöü")), pair("lines", text("one\ntwo\n")), pair("broken", text("ab")),
		pair("number", text("12")), pair("plus", text("+12")), pair("octal", text("010")), pair("hex", text("0x1F")), pair("spaced", text(" 12")),
		pair("underscored", text("1_000")), pair("huge", text("9223372036854775808")), pair("float", text("1.5e3")), pair("inftext", text("Infinity")), pair("nantext", text("nan")),
		pair("hexfloat", text("0x1p4")), pair("word", text("someHTTPName")), pair("key", text("http.method")), pair("pattern", text("^G[EF]T$")), pair("bad_pattern", text("(")),
		pair("idtext", text("0102030405060708090a0b0c0d0e0f10")), pair("spanidtext", text("1112131415161718")),
		pair("one", whole(1)), pair("twice", text("first")), pair("twice", text("last")),
	}
}

func spans() []*trace.Span {
	id := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	event := &trace.Span_Event{Name: "exception", TimeUnixNano: 1700000000100000000, DroppedAttributesCount: 6,
		Attributes: []*common.KeyValue{pair("exception.type", text("ValueError")), pair("n", whole(3)), pair("m", mapping(pair("b", whole(2)), pair("a", whole(1))))}}
	return []*trace.Span{
		{TraceId: id, SpanId: []byte{0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18}, ParentSpanId: []byte{0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28},
			TraceState: "vendor=a1,other=b=2", Name: "GET /metrics", Kind: trace.Span_SPAN_KIND_SERVER, Flags: 0x101,
			StartTimeUnixNano: 1700000000000000000, EndTimeUnixNano: 1700000000250000000, Attributes: richAttributes(), DroppedAttributesCount: 2,
			Events: []*trace.Span_Event{event}, DroppedEventsCount: 3, Links: []*trace.Span_Link{{SpanId: id[:8], TraceId: id}}, DroppedLinksCount: 5,
			Status: &trace.Status{Message: "boom", Code: trace.Status_STATUS_CODE_ERROR}},
		{TraceId: id, SpanId: []byte{0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48}, Name: "GET", Kind: trace.Span_SPAN_KIND_CLIENT, TraceState: "no member",
			Events: []*trace.Span_Event{{Name: ""}}},
		{Name: "", Kind: 9, StartTimeUnixNano: 1, EndTimeUnixNano: math.MaxInt64, Status: &trace.Status{Code: 7},
			Attributes: []*common.KeyValue{pair("http.method", whole(3)), pair("http.status_code", text("abc")), pair("number", double(2)), pair("pattern", text("a|")), pair("tags", text("a")),
				pair("nested", list(mapping(pair("n", text("q")))))},
			Events: []*trace.Span_Event{event}},
	}
}

// A request with these spans under one resource and scope.
func request(spans ...*trace.Span) *trace.TracesData {
	return &trace.TracesData{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{pair("service.name", text("checkout")), pair("replicas", whole(3)), pair("twice", text("first")), pair("twice", text("last"))}, DroppedAttributesCount: 4},
		ScopeSpans: []*trace.ScopeSpans{{
			Scope: &common.InstrumentationScope{Name: "io.opentelemetry.requests", Version: "1.2.3", Attributes: []*common.KeyValue{pair("kind", text("auto"))}, DroppedAttributesCount: 1},
			Spans: spans, SchemaUrl: "https://example.org/scope",
		}},
		SchemaUrl: "https://example.org/resource",
	}}}
}

func marshal(request *trace.TracesData) []byte {
	bytes, err := proto.Marshal(request)
	check(err)
	return bytes
}

func inCollector(request *trace.TracesData) ptrace.Traces {
	traces, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(marshal(request))
	check(err)
	return traces
}
