// SPDX-License-Identifier: Apache-2.0

// Compares the exporter jaeger with the Collector's own translator: random OTLP requests go through
// bin/sluice into a PostSpans service of ours, and through pkg/translator/jaeger; span by span, the
// two must be equal but for the differences that expected.go lists.
//
//	jaegerdiff SLUICE WORK [SEED]
//
// The last line is `N spans, N differ`; the status is 1 when any does, or is missing.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"go.opentelemetry.io/collector/pdata/ptrace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

const (
	requests = 2500
	deadline = 120 * time.Second
)

// A Jaeger collector that keeps what it is sent: by the name of the span, what it is and whose.
type service struct {
	mutex sync.Mutex
	spans map[string]string
	twice int
}

func (s *service) PostSpans(_ context.Context, request *api_v2.PostSpansRequest) (
	*api_v2.PostSpansResponse, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, span := range request.Batch.Spans {
		if span.Process == nil {
			span.Process = request.Batch.Process
		}
		if _, there := s.spans[span.OperationName]; there {
			s.twice++
		}
		s.spans[span.OperationName] = describe(span, span.Process)
	}
	return &api_v2.PostSpansResponse{}, nil
}

func (s *service) count() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.spans)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "jaegerdiff:", err)
		os.Exit(1)
	}
}

// The port that a listener of ours had is free again, and nobody else is given it soon.
func freePort() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func start(sluice, work string, listen, backend int) *exec.Cmd {
	config := fmt.Sprintf(`receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:%d'}}}}
exporters: {jaeger: {endpoint: '127.0.0.1:%d', tls: {insecure: true}}}
service:
  pipelines: {traces: {receivers: [otlp], exporters: [jaeger]}}
  telemetry: {metrics: {level: none}}
`, listen, backend)
	path := filepath.Join(work, "jaegerdiff.yaml")
	check(os.WriteFile(path, []byte(config), 0o600))
	log, err := os.Create(filepath.Join(work, "jaegerdiff.log"))
	check(err)
	command := exec.Command(sluice, "--config", path)
	command.Stderr = log
	check(command.Start())
	return command
}

// Sends all requests and returns what the translator makes of their spans.
func send(port int, seed int64) map[string]string {
	connection, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", port),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	defer connection.Close()
	client := collector.NewTraceServiceClient(connection)
	generator := newGenerator(seed)
	want := map[string]string{}
	for range requests {
		request := generator.request()
		body, err := proto.Marshal(request)
		check(err)
		traces, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(body)
		check(err)
		expect(traces, func(span *model.Span, process *model.Process) {
			want[span.OperationName] = describe(span, process)
		})
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		_, err = client.Export(ctx, request, grpc.WaitForReady(true))
		cancel()
		check(err)
	}
	return want
}

// Both descriptions where they part.
func printDifference(name, want, got string) {
	fmt.Printf("%s differs:\n", name)
	wanted, had := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := 0; i < len(wanted) || i < len(had); i++ {
		var a, b string
		if i < len(wanted) {
			a = wanted[i]
		}
		if i < len(had) {
			b = had[i]
		}
		if a != b {
			fmt.Printf("  translator: %s\n  sluice:     %s\n", a, b)
			return
		}
	}
}

func main() {
	seed := int64(1)
	if len(os.Args) > 3 {
		parsed, err := strconv.ParseInt(os.Args[3], 10, 64)
		check(err)
		seed = parsed
	}
	backend := &service{spans: map[string]string{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	server := grpc.NewServer()
	api_v2.RegisterCollectorServiceServer(server, backend)
	go server.Serve(listener)
	port := freePort()
	sluice := start(os.Args[1], os.Args[2], port, listener.Addr().(*net.TCPAddr).Port)
	want := send(port, seed)
	for end := time.Now().Add(deadline); backend.count() < len(want) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	check(sluice.Process.Signal(syscall.SIGTERM))
	check(sluice.Wait())
	differ := backend.twice
	for name, description := range want {
		if got := backend.spans[name]; got != description {
			if differ++; differ < 10 {
				printDifference(name, description, got)
			}
		}
	}
	if len(backend.spans) != len(want) {
		fmt.Printf("%d spans arrived\n", len(backend.spans))
	}
	fmt.Printf("%d spans, %d differ\n", len(want), differ)
	if differ > 0 || len(backend.spans) != len(want) || len(want) == 0 {
		os.Exit(1)
	}
}
