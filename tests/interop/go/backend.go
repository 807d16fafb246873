// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"net"
	"os"
	"sync/atomic"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // read, and used for answers to who sends it
)

// backend is an OTLP/gRPC server that rejects a few spans of each request.
type backend struct {
	collectorpb.UnimplementedTraceServiceServer
	reject   int64
	spans    atomic.Int64
	requests atomic.Int64
}

func (b *backend) Export(_ context.Context, request *collectorpb.ExportTraceServiceRequest) (
	*collectorpb.ExportTraceServiceResponse, error) {
	for _, resource := range request.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			b.spans.Add(int64(len(scope.Spans)))
		}
	}
	b.requests.Add(1)
	answer := &collectorpb.ExportTraceServiceResponse{}
	if b.reject > 0 {
		answer.PartialSuccess = &collectorpb.ExportTracePartialSuccess{
			RejectedSpans: b.reject, ErrorMessage: "rejected by the test's backend"}
	}
	return answer, nil
}

// serve runs a backend until standard input ends. It prints its port at once, and at the end what it
// received.
func serve(arguments []string) error {
	flags := flag.NewFlagSet("backend", flag.ExitOnError)
	reject := flags.Int64("reject", 0, "spans of each request to reject")
	maxBytes := flags.Int("max-bytes", 4<<20, "largest message to take")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	service := &backend{reject: *reject}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(*maxBytes))
	collectorpb.RegisterTraceServiceServer(server, service)
	output := json.NewEncoder(os.Stdout)
	if err := output.Encode(map[string]int{"port": listener.Addr().(*net.TCPAddr).Port}); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		server.GracefulStop()
	}()
	if err := server.Serve(listener); err != nil {
		return err
	}
	return output.Encode(map[string]int64{
		"spans": service.spans.Load(), "requests": service.requests.Load()})
}
