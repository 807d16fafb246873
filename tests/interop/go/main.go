// SPDX-License-Identifier: Apache-2.0

// Sends the workload by the OpenTelemetry Go SDK, recording each request as it is exported.
//
// The same options and the same output as ../python/sender.py. Prints one line of JSON: SDK,
// version, and the failures that the exporters reported.
//
// With `backend` as its first argument it is a backend instead, see backend.go.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	sdk "go.opentelemetry.io/otel/sdk"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	batchSpans = 50
	batchDelay = 100 * time.Millisecond
	queueSpans = 10000
	flushTime  = 60 * time.Second
)

type options struct {
	protocol    string
	endpoint    string
	coding      string
	record      string
	spans       int
	scrapes     int
	seconds     float64
	timeout     float64
	oversize    int
	keepaliveMs int
	ca          string
	httpVersion int
}

func parseOptions() options {
	var o options
	flag.StringVar(&o.protocol, "protocol", "", "grpc or http")
	flag.StringVar(&o.endpoint, "endpoint", "", "host:port")
	flag.StringVar(&o.coding, "coding", "none", "none or gzip")
	flag.StringVar(&o.record, "record", "", "file for the requests exported")
	flag.IntVar(&o.spans, "spans", 600, "spans to send")
	flag.IntVar(&o.scrapes, "scrapes", 0, "spans of Prometheus scrapes to send")
	flag.Float64Var(&o.seconds, "seconds", 0, "spread over so long")
	flag.Float64Var(&o.timeout, "timeout", 10, "seconds for one export")
	flag.IntVar(&o.oversize, "oversize", 0, "bytes of one span in between")
	flag.IntVar(&o.keepaliveMs, "keepalive-ms", 0, "gRPC PINGs; grpc-go makes it 10 s at least")
	flag.StringVar(&o.ca, "ca", "", "certificate to trust; turns TLS on")
	flag.IntVar(&o.httpVersion, "http-version", 0, "1 or 2; 0: as the exporter likes")
	flag.Parse()
	return o
}

// failures collects what the SDK reports of failed exports, from any goroutine.
type failures struct {
	mutex sync.Mutex
	texts []string
}

func (f *failures) Handle(err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.texts = append(f.texts, err.Error())
}

func newProcessor(o options, record *recorder) (sdktrace.SpanProcessor, error) {
	exporter, err := newExporter(o, record)
	if err != nil {
		return nil, err
	}
	return sdktrace.NewBatchSpanProcessor(exporter,
		sdktrace.WithBatchTimeout(batchDelay),
		sdktrace.WithMaxExportBatchSize(batchSpans),
		sdktrace.WithMaxQueueSize(queueSpans),
		// Above the exporter's own time-out, which then decides.
		sdktrace.WithExportTimeout(flushTime)), nil
}

// send runs the whole workload and ends when all is exported.
func send(o options, w *workload) {
	trees := (o.spans + treeSpans - 1) / treeSpans
	scrapes := 0
	for i := range trees {
		w.tree(min(treeSpans, o.spans-i*treeSpans))
		for scrapes*trees < o.scrapes*(i+1) {
			w.scrape(scrapes)
			scrapes++
		}
		if o.oversize > 0 && i == trees/2 {
			// In a request of its own: what shares its request shares its fate.
			w.flush()
			w.oversize(o.oversize)
			w.flush()
		}
		time.Sleep(time.Duration(o.seconds * float64(time.Second) / float64(trees)))
	}
	w.flush()
	w.shutdown()
}

func run() error {
	o := parseOptions()
	failed := &failures{texts: []string{}}
	otel.SetErrorHandler(failed)
	record, err := newRecorder(o.record)
	if err != nil {
		return err
	}
	processors := make([]sdktrace.SpanProcessor, len(services))
	for i := range processors {
		if processors[i], err = newProcessor(o, record); err != nil {
			return err
		}
	}
	send(o, newWorkload(processors, failed))
	if err := record.close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"sdk": "Go", "version": sdk.Version(), "failures": failed.texts})
}

func main() {
	work := run
	if len(os.Args) > 1 && os.Args[1] == "backend" {
		work = func() error { return serve(os.Args[2:]) }
	}
	if err := work(); err != nil {
		log.Fatal(err)
	}
}

// within gives ${f} a context that ends after flushTime.
func within(f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	return f(ctx)
}
