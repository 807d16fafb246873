// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/jaeger"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Calls visit with each span of traces as the translator maps it, changed by what Sluice documents
// to do otherwise (exporters/jaeger/mapping.c):
//
//   - counts of what senders dropped become tags, the last ones of resource, span and event
//   - a service.name that is no string is its text, not nothing
//   - a reference that lacks an id is left out
//   - a span that ends before it starts has no duration; none is over 2^63 - 1 ns
//   - times after 2262 do not turn negative
//   - -0.0 is 0: proto3 does not write what equals the default
func expect(traces ptrace.Traces, visit func(*model.Span, *model.Process)) {
	for _, resource := range traces.ResourceSpans().All() {
		one := ptrace.NewTraces()
		resource.CopyTo(one.ResourceSpans().AppendEmpty())
		batches := jaeger.ProtoFromTraces(one)
		if len(batches) == 0 {
			continue
		}
		process := batches[0].Process
		if name, there := resource.Resource().Attributes().Get("service.name"); there {
			process.ServiceName = name.AsString()
		}
		process.Tags = addCount(process.Tags, "otel.dropped_attributes_count",
			resource.Resource().DroppedAttributesCount())
		next := 0
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				mapped := batches[0].Spans[next]
				next++
				change(span, mapped)
				visit(mapped, process)
			}
		}
	}
}

func addCount(tags []model.KeyValue, key string, count uint32) []model.KeyValue {
	if count == 0 {
		return tags
	}
	return append(tags, model.Int64(key, int64(count)))
}

func change(span ptrace.Span, mapped *model.Span) {
	mapped.Tags = addCount(mapped.Tags, "otel.dropped_attributes_count",
		span.DroppedAttributesCount())
	mapped.Tags = addCount(mapped.Tags, "otel.dropped_events_count", span.DroppedEventsCount())
	mapped.Tags = addCount(mapped.Tags, "otel.dropped_links_count", span.DroppedLinksCount())
	for i, event := range span.Events().All() {
		mapped.Logs[i].Timestamp = unsignedTime(uint64(event.Timestamp()))
		mapped.Logs[i].Fields = addCount(mapped.Logs[i].Fields, "otel.dropped_attributes_count",
			event.DroppedAttributesCount())
	}
	var references []model.SpanRef
	for _, reference := range mapped.References {
		if reference.SpanID != 0 && reference.TraceID != (model.TraceID{}) {
			references = append(references, reference)
		}
	}
	mapped.References = references
	begin, end := uint64(span.StartTimestamp()), uint64(span.EndTimestamp())
	mapped.StartTime = unsignedTime(begin)
	mapped.Duration = 0
	if end > begin {
		mapped.Duration = time.Duration(min(end-begin, math.MaxInt64))
	}
}

func unsignedTime(ns uint64) time.Time {
	return time.Unix(int64(ns/1e9), int64(ns%1e9)).UTC()
}

// All of a span and its process, a line for each part.
func describe(span *model.Span, process *model.Process) string {
	var out strings.Builder
	fmt.Fprintf(&out, "service %q\n", process.ServiceName)
	describeTags(&out, "process tag", process.Tags)
	fmt.Fprintf(&out, "span %s %s flags %d\n", span.TraceID, span.SpanID, span.Flags)
	fmt.Fprintf(&out, "at %d.%09d for %d\n", span.StartTime.Unix(), span.StartTime.Nanosecond(),
		span.Duration)
	for _, reference := range span.References {
		fmt.Fprintf(&out, "reference %s %s %s\n", reference.RefType, reference.TraceID,
			reference.SpanID)
	}
	describeTags(&out, "tag", span.Tags)
	for _, log := range span.Logs {
		fmt.Fprintf(&out, "log at %d.%09d\n", log.Timestamp.Unix(), log.Timestamp.Nanosecond())
		describeTags(&out, "field", log.Fields)
	}
	return out.String()
}

func describeTags(out *strings.Builder, what string, tags []model.KeyValue) {
	for _, tag := range tags {
		if tag.VFloat64 == 0 {
			tag.VFloat64 = 0
		}
		fmt.Fprintf(out, "%s %q %s %q %t %d %x %x\n", what, tag.Key, tag.VType, tag.VStr,
			tag.VBool, tag.VInt64, math.Float64bits(tag.VFloat64), tag.VBinary)
	}
}
