// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/rand"
	"strconv"
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
)

var factory = filterprocessor.NewFactory()

// A filter is the Collector's processor with one condition, and where its output goes.
type filter struct {
	processor processor.Traces
	sink      *consumertest.TracesSink
}

func newFilter(place, condition, mode string) (*filter, error) {
	settings := map[string]any{"error_mode": mode}
	if place == "infer" {
		settings["trace_conditions"] = []any{condition}
	} else {
		settings["traces"] = map[string]any{place: []any{condition}}
	}
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(settings).Unmarshal(config); err != nil {
		return nil, err
	}
	if validator, ok := config.(interface{ Validate() error }); ok {
		if err := validator.Validate(); err != nil {
			return nil, err
		}
	}
	sink := &consumertest.TracesSink{}
	made, err := factory.CreateTraces(context.Background(), processortest.NewNopSettings(factory.Type()), config, sink)
	if err != nil {
		return nil, err
	}
	return &filter{made, sink}, made.Start(context.Background(), componenttest.NewNopHost())
}

// What the processor answers; a panic in it is an error.
func (f *filter) consume(traces ptrace.Traces) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	return f.processor.ConsumeTraces(context.Background(), traces)
}

// The verdict on the only span, event or resource of ${traces}.
func (f *filter) verdict(place string, traces ptrace.Traces) (string, error) {
	f.sink.Reset()
	input := ptrace.NewTraces()
	traces.CopyTo(input)
	if err := f.consume(input); err != nil {
		return "error", err
	}
	left := 0
	for _, output := range f.sink.AllTraces() {
		left += output.SpanCount()
		if place == "spanevent" {
			left = output.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Events().Len()
		}
	}
	return strconv.FormatBool(left == 0), nil
}

var _ component.Component = processor.Traces(nil)

func compareConditions(d *differ, random *rand.Rand, count int, listed []*difference) tally {
	var t tally
	all := spans()
	if d.ask("body", bytesWord(marshal(request(all...)))) != "ok" {
		check(fmt.Errorf("the request is refused"))
	}
	var traces []ptrace.Traces
	for _, span := range all {
		traces = append(traces, inCollector(request(span)))
	}
	for range count {
		g := &generator{random: random, place: []string{"span", "span", "span", "spanevent", "resource", "infer"}[random.Intn(6)]}
		compareCondition(d, &t, g.place, g.condition(0), traces, listed)
	}
	for _, fixed := range fixedConditions {
		compareCondition(d, &t, "span", fixed, traces, listed)
	}
	return t
}

func compareCondition(d *differ, t *tally, place, condition string, traces []ptrace.Traces, listed []*difference) {
	collector, refusal := newFilter(place, condition, "propagate")
	for at, one := range traces {
		want, why := "refused", refusal
		if refusal == nil {
			want, why = collector.verdict(place, one)
		}
		element := at
		if place == "resource" {
			element = 0
		}
		answer := d.ask("cond", place, strconv.Itoa(element), bytesWord([]byte(condition)))
		got, _, _ := strings.Cut(answer, " ")
		switch {
		case got == want:
			t.same++
		case isListed(listed, fmt.Sprintf("%s: %s => %v", place, condition, why), want, got):
			t.listed++
		default:
			t.differ("%s %d: %s\n    Collector: %s %v\n    Sluice:    %s", place, at, condition, want, why, answer)
		}
		if refusal != nil || place == "resource" {
			break
		}
	}
	if refusal == nil {
		check(collector.processor.Shutdown(context.Background()))
	}
}
