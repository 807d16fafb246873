// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"sort"
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/attributesprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/resourceprocessor"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"
)

var changing = map[string]processor.Factory{
	"attributes": attributesprocessor.NewFactory(),
	"resource":   resourceprocessor.NewFactory(),
}

// change runs the Collector's processor with a configuration, in JSON, on a request.
func change(kind, config string, traces ptrace.Traces) (ptrace.Traces, error) {
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(config))
	check(err)
	conf, err := retrieved.AsConf()
	check(err)
	factory := changing[kind]
	bound := factory.CreateDefaultConfig()
	if err := conf.Unmarshal(bound); err != nil {
		return traces, err
	}
	if validator, ok := bound.(interface{ Validate() error }); ok {
		if err := validator.Validate(); err != nil {
			return traces, err
		}
	}
	sink := new(consumertest.TracesSink)
	one, err := factory.CreateTraces(context.Background(), processortest.NewNopSettings(factory.Type()), bound, sink)
	if err != nil {
		return traces, err
	}
	check(one.Start(context.Background(), componenttest.NewNopHost()))
	input := ptrace.NewTraces()
	traces.CopyTo(input)
	check(one.ConsumeTraces(context.Background(), input))
	check(one.Shutdown(context.Background()))
	return sink.AllTraces()[0], nil
}

// ---- configurations ----

type object = map[string]any

func (g *generator) key() string {
	return g.one(append([]string{"new", "service.name", "replicas", "word", "octal", "hexfloat", "a", "path"}, keys...)...)
}

func (g *generator) constant(depth int) any {
	switch g.random.Intn(9) {
	case 0, 1:
		return g.one("GET", "", "ä", "12", "true", "x y")
	case 2, 3:
		return g.random.Intn(1000) - 500
	case 4:
		return []float64{0.5, -2.25, 1e21, 1e-7}[g.random.Intn(4)]
	case 5:
		return g.chance(2)
	case 6:
		if depth < 2 {
			return []any{g.constant(depth + 1), g.constant(depth + 1)}
		}
	case 7:
		if depth < 2 {
			return object{"a": g.constant(depth + 1), "b": g.constant(depth + 1)}
		}
	}
	return "abc"
}

func (g *generator) keyPattern() string {
	return g.one("^http\\.", "status", "a$", "^(map|list)\\.", "[A-Z]", "", "new|one", "(", "^service", ".*text$")
}

func (g *generator) groups() string {
	return g.one("^(?P<method>[A-Z]+)$", "(?P<path>/[^/]*)$", "(?<a>.)(?P<b>.)?", "(?P<new>.*)", "(?P<x>z)|(?P<y>.)", "(.)", "abc", "(?P<a>.)(.)",
		"(?P<http>\\w+)://(?P<host>[^/:]+)(:(?P<port>\\d+))?", "(?P<http>\\w+)://(?P<host>[^/:]+)(?::(?P<port>\\d+))?", "(?P<same>.)(?P<same>.)")
}

func (g *generator) action() object {
	action := object{"key": g.key(), "action": g.one("insert", "update", "upsert", "delete", "hash", "extract", "convert", "UPSERT", "Delete")}
	switch strings.ToLower(action["action"].(string)) {
	case "insert", "update", "upsert":
		switch g.random.Intn(5) {
		case 0, 1:
			action["value"] = g.constant(0)
		case 2, 3:
			action["from_attribute"] = g.key()
		}
		if g.chance(4) {
			action["default_value"] = g.constant(0)
		}
	case "delete", "hash":
		if g.chance(2) {
			action["pattern"] = g.keyPattern()
		}
		if g.chance(4) {
			delete(action, "key")
		}
	case "extract":
		action["pattern"] = g.groups()
		if g.chance(2) {
			action["key"] = g.one("http.method", "url", "status.text")
		}
	case "convert":
		action["converted_type"] = g.one("int", "double", "string", "int", "double", "string", "bool", "")
	}
	if g.chance(60) { // what does not belong there
		action[g.one("value", "from_attribute", "pattern", "converted_type")] = "x"
	}
	return action
}

func (g *generator) attributeMatches() []object {
	var list []object
	for range 1 + g.random.Intn(2) {
		match := object{"key": g.key()}
		if g.chance(4) { // numbers, whose texts differ from place to place
			match = object{"key": g.one("large", "tiny", "nan", "inf", "one", "ratio", "whole", "max"), "value": g.one("^[0-9.]+$", "e", "Inf", "^1$", "NaN", "^0")}
		} else if g.chance(2) {
			match["value"] = g.constant(0)
		} else if g.chance(2) {
			match["value"] = g.one("GET", "^5", ".", "Inf", "e", "NaN", "true|false", "0000", "checkout", "^-?[0-9.]+$")
		}
		list = append(list, match)
	}
	return list
}

func (g *generator) some(texts ...string) []string {
	list := []string{g.one(texts...)}
	if g.chance(3) {
		list = append(list, g.one(texts...))
	}
	return list
}

func (g *generator) match() object {
	match := object{"match_type": g.one("strict", "regexp", "strict", "regexp", "strict", "regexp", "strict", "regexp", "other", "")}
	if g.chance(8) {
		match["regexp"] = object{"cacheenabled": true, "cachemaxnumentries": 10}
	}
	for range 1 + g.random.Intn(2) {
		switch g.random.Intn(7) {
		case 0:
			match["services"] = g.some("checkout", "check", "^c", "other", "nil-service", "<nil-service-name>", "5")
		case 1:
			match["span_names"] = g.some("GET", "GET /metrics", "^GET", "", "/metrics$", "(")
		case 2:
			match["span_kinds"] = g.some("SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SERVER", "SPAN_KIND_INTERNAL")
		case 3:
			match["attributes"] = g.attributeMatches()
		case 4:
			match["resources"] = g.attributeMatches()
		case 5:
			library := object{"name": g.one("io.opentelemetry.requests", "opentelemetry", "^io\\.", "other")}
			if g.chance(2) {
				library["version"] = g.one("1.2.3", "", "^1", "2")
			}
			match["libraries"] = []object{library}
		case 6:
			if g.chance(6) {
				match[g.one("log_bodies", "metric_names", "log_severity_texts")] = []string{"x"}
			}
		}
	}
	return match
}

func (g *generator) processor() (kind, config string) {
	var actions []object
	for range 1 + g.random.Intn(4) {
		actions = append(actions, g.action())
	}
	if g.chance(60) {
		actions = nil
	}
	all := object{"attributes": actions}
	kind = "resource"
	if !g.chance(4) {
		kind = "attributes"
		all = object{"actions": actions}
		for _, side := range []string{"include", "exclude"} {
			if g.chance(2) {
				all[side] = g.match()
			}
		}
	}
	text, err := json.Marshal(all)
	check(err)
	return kind, string(text)
}

// ---- comparison ----

// canonical is a value without the order of its maps, and with the type of its numbers.
func canonical(value pcommon.Value) string {
	switch value.Type() {
	case pcommon.ValueTypeMap:
		return attributesOf(value.Map())
	case pcommon.ValueTypeSlice:
		var items []string
		for _, item := range value.Slice().All() {
			items = append(items, canonical(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return value.Type().String() + " " + value.AsString()
}

func attributesOf(attributes pcommon.Map) string {
	var all []string
	for key, value := range attributes.All() {
		all = append(all, fmt.Sprintf("%q: %s", key, canonical(value)))
	}
	sort.Strings(all)
	return "{" + strings.Join(all, ", ") + "}"
}

// parts are the attributes of each resource and span, then everything that must be as it was.
func parts(traces ptrace.Traces) []string {
	var all []string
	for _, resource := range traces.ResourceSpans().All() {
		all = append(all, attributesOf(resource.Resource().Attributes()))
		resource.Resource().Attributes().Clear()
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				all = append(all, attributesOf(span.Attributes()))
				span.Attributes().Clear()
			}
		}
	}
	rest, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(traces)
	check(err)
	return append(all, hex.EncodeToString(rest))
}

// single keeps the first of equal keys: what becomes of the others is a listed difference.
func single(attributes []*common.KeyValue) []*common.KeyValue {
	seen := map[string]bool{}
	return slices.DeleteFunc(attributes, func(attribute *common.KeyValue) bool {
		again := seen[attribute.Key]
		seen[attribute.Key] = true
		return again
	})
}

func compareProcessors(d *differ, random *rand.Rand, count int) tally {
	var t tally
	tree := request(spans()...)
	other := proto.CloneOf(request(spans()[:1]...))
	other.ResourceSpans[0].Resource.Attributes = []*common.KeyValue{pair("service.name", whole(5)), pair("url", text("http://a/b")), pair("a", double(2.5))}
	other.ResourceSpans[0].ScopeSpans[0].Scope.Version = ""
	tree.ResourceSpans = append(tree.ResourceSpans, other.ResourceSpans...)
	for _, resource := range tree.ResourceSpans {
		resource.Resource.Attributes = single(resource.Resource.Attributes)
		for _, span := range resource.ScopeSpans[0].Spans {
			span.Attributes = single(span.Attributes)
		}
	}
	if d.ask("body", bytesWord(marshal(tree))) != "ok" {
		check(fmt.Errorf("the request is refused"))
	}
	traces := inCollector(tree)
	accepted := 0
	for range count {
		g := &generator{random: random}
		kind, config := g.processor()
		collector, refusal := change(kind, config, traces)
		answer := d.ask("process", kind, bytesWord([]byte(config)))
		refused := strings.HasPrefix(answer, "refused")
		if refused || refusal != nil {
			if refused == (refusal != nil) {
				t.same++
			} else {
				t.differ("%s %s\n    Collector: %v\n    Sluice:    %.200s", kind, config, refusal, answer)
			}
			continue
		}
		accepted++
		bytes, err := hex.DecodeString(answer)
		check(err)
		sluice, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(bytes)
		check(err)
		want, got := parts(collector), parts(sluice)
		for at := range want {
			if want[at] == got[at] {
				t.same++
			} else {
				t.differ("%s %s\n    Collector: %s\n    Sluice:    %s", kind, config, want[at], got[at])
			}
		}
	}
	const acceptedMin = 500 // those that both run, not only refuse alike
	if accepted < acceptedMin {
		t.differ("only %d of %d configurations were run", accepted, count)
	}
	return t
}
