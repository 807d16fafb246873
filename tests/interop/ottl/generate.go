// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand"
	"strings"
)

// A generator writes conditions that mostly parse: values of any type wherever a value may stand.
type generator struct {
	random *rand.Rand
	place  string
}

func (g *generator) one(choices ...string) string {
	return choices[g.random.Intn(len(choices))]
}

func (g *generator) chance(in int) bool {
	return g.random.Intn(in) == 0
}

func attributeKeys() []string {
	keys := []string{"absent"}
	for _, attribute := range richAttributes() {
		keys = append(keys, attribute.Key)
	}
	return keys
}

var keys = attributeKeys()

func (g *generator) quoted() string {
	return `"` + g.one("a", "b", "GET", "500", "12", "", "x", "http.method", "checkout", "exception", `\"`, `a\tb`, `ä`, "1.5", "true", "^G", "/metrics$", "Server",
		"0102030405060708090a0b0c0d0e0f10", "1112131415161718", "zz12131415161718", "boom", `\n`, `[{"a":1}]`, `{"a":1,"b":"2"}`, "c0ffee", "wP/u", "NaN", "1e+21", "5", "+Inf") + `"`
}

func (g *generator) number() string {
	return g.one("0", "1", "2", "3", "5", "7", "500", "010", "09", "00", "42", "9223372036854775807", "9223372036854775808", "1.5", ".5", "5.", "0.5e1", "1.0", "500.0", "1e3", "1.e400")
}

func (g *generator) path(depth int) string {
	span := g.one("name", "kind", "kind.string", "kind.deprecated_string", "trace_id", "trace_id.string", "span_id", "span_id.string", "parent_span_id", "parent_span_id.string",
		"trace_state", `trace_state["vendor"]`, `trace_state["absent"]`, "start_time", "end_time", "start_time_unix_nano", "end_time_unix_nano", "dropped_attributes_count", "dropped_events_count",
		"dropped_links_count", "events", "links", "status", "status.code", "status.message", "flags", "attributes")
	attribute := `attributes["` + keys[g.random.Intn(len(keys))] + `"]`
	indexed := g.one(`attributes["nested"]["n"]["deep"]`, `attributes["nested"]["a"]`, `attributes["nested"]["a"][0]`, `attributes["nested"]["absent"]`, `attributes["nested"]["nothing"]`, `attributes["nested"][0]`,
		`attributes["tags"][0]`, `attributes["tags"][2]`, `attributes["tags"][3]`, `attributes["tags"][4]`, `attributes["tags"][9]`, `attributes["tags"]["a"]`, `attributes["tags"][attributes["one"]]`, `attributes["map.twice"]["a"]`,
		`attributes[attributes["key"]]`, `attributes[name]`, `attributes["nested"][0]["n"]`, `attributes["http.method"][0]`, `attributes["http.method"]["a"]`, `attributes[attributes["one"]]`, `attributes["map.ab"]["b"]`, `attributes["tags"][6][0]`,
		`attributes[0]`, `attributes["absent"]["a"]`, `attributes["empty"]["a"]`, `attributes["raw"][0]`)
	resource := g.one(`attributes["service.name"]`, `attributes["twice"]`, `attributes["replicas"]`, `attributes["absent"]`, "attributes", "dropped_attributes_count", "schema_url")
	scope := g.one("name", "version", `attributes["kind"]`, "dropped_attributes_count", "schema_url")
	event := g.one("name", "time", "time_unix_nano", "event_index", "dropped_attributes_count", `attributes["exception.type"]`, `attributes["n"]`, `attributes["m"]`, `attributes["m"]["a"]`, `attributes["absent"]`, "attributes")
	own := span
	switch g.random.Intn(4) {
	case 0, 1:
		own = attribute
	case 2:
		own = indexed
	}
	switch g.place {
	case "span":
		return g.one(own, own, own, own, own, own, "span."+own, "resource."+resource, "scope."+scope, "instrumentation_scope."+scope, `cache["a"]`)
	case "spanevent":
		return g.one(event, event, event, "spanevent."+event, "span."+own, "resource."+resource, "scope."+scope)
	case "resource":
		return g.one(resource, resource, "resource."+resource)
	}
	return g.one("span."+own, "span."+own, "resource."+resource, "scope."+scope)
}

func (g *generator) pattern(depth int) string {
	if g.chance(6) {
		return g.one(`attributes["pattern"]`, `attributes["bad_pattern"]`, `attributes["absent"]`, "name", `Concat(["^", "G"], "")`, `attributes["one"]`, "nil", "5")
	}
	return `"` + g.one("^G", "GET", "/metrics$", "a|b", ".*", "^$", "(?i)get", "[0-9]+", "^\\\\d+$", "\\\\{", "(", "^(GET|POST) /", "e", "\\\\pL", "true", "null", "^\\\\[", "c0ff") + `"`
}

func (g *generator) call(depth int) string {
	v := func() string { return g.value(depth + 1) }
	switch g.random.Intn(22) {
	case 0, 1, 2:
		return "IsMatch(" + v() + ", " + g.pattern(depth) + ")"
	case 3:
		return "IsRootSpan()"
	case 4:
		return g.one("HasPrefix", "HasSuffix") + "(" + v() + ", " + g.one(g.quoted(), v()) + ")"
	case 5, 6:
		return "Len(" + v() + ")"
	case 7, 8:
		return g.one("IsString", "IsInt", "IsDouble", "IsBool", "IsMap", "IsList") + "(" + v() + ")"
	case 9, 10:
		return "Int(" + v() + ")"
	case 11, 12:
		return "Double(" + v() + ")"
	case 13, 14, 15:
		return "String(" + v() + ")"
	case 16:
		return "ConvertCase(" + v() + `, "` + g.one("lower", "upper", "snake", "camel", "other") + `")`
	case 17:
		return "Substring(" + g.one(g.path(depth), g.quoted(), v()) + ", " + g.one("0", "1", "2", v()) + ", " + g.one("1", "2", "3", v()) + g.one("", "", ", true", ", false", ", utf8_safe = true", ", nil", ", name") + ")"
	case 18, 19:
		return "Concat(" + g.one(g.list(depth+1), g.list(depth+1), g.path(depth), v()) + ", " + g.one(`","`, `""`, g.quoted(), v()) + ")"
	case 20:
		return "TraceID(" + g.one("0x0102030405060708090a0b0c0d0e0f10", `"0102030405060708090a0b0c0d0e0f10"`, `attributes["idtext"]`, "0x0102", g.quoted(), v()) + ")"
	}
	return "SpanID(" + g.one("0x1112131415161718", `"1112131415161718"`, `attributes["spanidtext"]`, `attributes["one"]`, `"zz12131415161718"`, "0x11", g.quoted(), v()) + ")"
}

func (g *generator) list(depth int) string {
	var members []string
	for range g.random.Intn(4) {
		members = append(members, g.value(depth+1))
	}
	return "[" + strings.Join(members, ", ") + "]"
}

func (g *generator) mapping(depth int) string {
	var members []string
	for range g.random.Intn(4) {
		members = append(members, fmt.Sprintf("%s: %s", g.one(`"a"`, `"b"`, `"z"`), g.value(depth+1)))
	}
	return "{" + strings.Join(members, ", ") + "}"
}

func (g *generator) math(depth int) string {
	operand := func() string {
		if depth < 3 && g.chance(5) {
			return "(" + g.math(depth+1) + ")"
		}
		return g.one(g.number(), g.number(), g.path(depth), g.path(depth), "-"+g.number(), "-"+g.path(depth), "+"+g.number())
	}
	return operand() + " " + g.one("+", "-", "*", "/") + " " + operand()
}

func (g *generator) value(depth int) string {
	if depth > 3 {
		return g.path(depth)
	}
	switch g.random.Intn(20) {
	case 0, 1:
		return g.number()
	case 2, 3:
		return g.quoted()
	case 4:
		return g.one("nil", "true", "false", "0x00", "0xC0FFEE", "0x0102030405060708090a0b0c0d0e0f10", "0x", "0x1")
	case 5:
		return g.one("SPAN_KIND_SERVER", "STATUS_CODE_ERROR", "SPAN_KIND_NONE", "-"+g.number())
	case 6, 7, 8:
		return g.call(depth)
	case 9:
		return g.list(depth)
	case 10:
		return g.mapping(depth)
	case 11, 12:
		return g.math(depth)
	}
	return g.path(depth)
}

func (g *generator) condition(depth int) string {
	if depth < 3 && g.chance(3) {
		joined := g.condition(depth+1) + " " + g.one("and", "or") + " " + g.condition(depth+1)
		if g.chance(2) {
			return g.one("", "not ") + "(" + joined + ")"
		}
		return joined
	}
	not := g.one("", "", "", "", "not ")
	switch g.random.Intn(12) {
	case 0:
		return not + g.one("true", "false")
	case 1, 2, 3:
		return not + g.call(0)
	}
	return not + g.value(0) + " " + g.one("==", "==", "!=", "<", "<=", ">", ">=") + " " + g.value(0)
}

// What a generator would hit too rarely: each was a difference once.
var fixedConditions = []string{
	`Int("abc") == nil`, `Double("abc") == nil`, `Int(attributes["word"]) == 1 or true`, `true or Int(attributes["word"]) == 1`,
	`false and Int(attributes["word"]) == 1`, `Int(attributes["word"]) == 1 and false`, `attributes["twice"] == "first"`, `Len(attributes["raw"]) == 3`,
	`Len(0x0102) == 2`, `String(attributes["nested"]) == "x"`, `String(attributes["map.ba"]) == "{\"a\":1,\"b\":\"2\"}"`, `String(attributes["nan"]) == "NaN"`, `String(start_time) != ""`,
	`String(end_time - start_time) == "250000000"`, `String({"b": [{"b": 1}], "a": 2}) == "{\"a\":2,\"b\":[{\"b\":1}]}"`, `String([{"b": 1}, [{"b": 1}], attributes["tags"]]) == "[{},[{}],{}]"`,
	`String({"a": attributes["nested"]}) == ""`, `String(attributes) == ""`, `String({"a": [[1, "<"], 0x01]}) == "{\"a\":[[1,\"\\u003c\"],\"AQ==\"]}"`, `attributes["octal"] == "010"`, `8 == 010`, `10 == 010`, `Int("010") == 10`, `trace_id == TraceID("0102030405060708090a0b0c0d0e0f10")`,
	`span_id == SpanID("1112131415161718")`, `IsMatch(attributes["http.method"], attributes["pattern"])`, `IsMatch(name, attributes["bad_pattern"])`, `Substring(attributes["umlaut"], 1, 3, true) == "x"`,
	`Substring("äöü", 1, 2, utf8_safe = true) == "ö"`, `String(events) != ""`, `String(status) != ""`, `String(trace_id) != ""`, `IsMatch(trace_id, "^0102")`, `Concat([trace_id], "") == "x"`, `Len(trace_id) == 16`,
}
