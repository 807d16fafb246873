// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/proto"
)

// Retries begin soon and go on for as long as one export may take.
const (
	retryFirst = 200 * time.Millisecond
	retryMax   = time.Second
)

// recorder writes requests and what became of them: a byte, 1 when the receiver took it, the length
// in 4 bytes, big endian, and the request.
type recorder struct {
	mutex sync.Mutex
	file  *os.File
}

func newRecorder(path string) (*recorder, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &recorder{file: file}, nil
}

func (r *recorder) write(spans []*tracepb.ResourceSpans, taken bool) error {
	body, err := proto.Marshal(&collectorpb.ExportTraceServiceRequest{ResourceSpans: spans})
	if err != nil {
		return err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	header := []byte{0}
	if taken {
		header[0] = 1
	}
	header = binary.BigEndian.AppendUint32(header, uint32(len(body)))
	_, err = r.file.Write(append(header, body...))
	return err
}

func (r *recorder) close() error {
	return r.file.Close()
}

// recordingClient lets the real client send what the exporter hands over, and records that.
type recordingClient struct {
	otlptrace.Client
	record *recorder
}

func (c recordingClient) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	err := c.Client.UploadTraces(ctx, spans)
	return errors.Join(err, c.record.write(spans, err == nil))
}

func newExporter(o options, record *recorder) (*otlptrace.Exporter, error) {
	tlsConfig, err := newTLSConfig(o.ca)
	if err != nil {
		return nil, err
	}
	var client otlptrace.Client
	switch o.protocol {
	case "grpc":
		client = newGRPCClient(o, tlsConfig)
	case "http":
		client = newHTTPClient(o, tlsConfig)
	default:
		return nil, fmt.Errorf("unknown protocol %q", o.protocol)
	}
	return otlptrace.New(context.Background(), recordingClient{client, record})
}

// newTLSConfig trusts the certificate in the file ${ca}; nil without one.
func newTLSConfig(ca string) (*tls.Config, error) {
	if ca == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", ca)
	}
	return &tls.Config{RootCAs: roots}, nil
}

func newGRPCClient(o options, tlsConfig *tls.Config) otlptrace.Client {
	timeout := time.Duration(o.timeout * float64(time.Second))
	all := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint(o.endpoint),
		otlptracegrpc.WithTimeout(timeout),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: retryFirst, MaxInterval: retryMax,
			MaxElapsedTime: timeout}),
	}
	if tlsConfig == nil {
		all = append(all, otlptracegrpc.WithInsecure())
	} else {
		all = append(all, otlptracegrpc.WithTLSCredentials(credentials.NewTLS(tlsConfig)))
	}
	if o.coding == "gzip" {
		all = append(all, otlptracegrpc.WithCompressor("gzip"))
	}
	if o.keepaliveMs > 0 {
		all = append(all, otlptracegrpc.WithDialOption(grpc.WithKeepaliveParams(
			keepalive.ClientParameters{
				Time:                time.Duration(o.keepaliveMs) * time.Millisecond,
				Timeout:             2 * time.Second,
				PermitWithoutStream: true,
			})))
	}
	return otlptracegrpc.NewClient(all...)
}

func newHTTPClient(o options, tlsConfig *tls.Config) otlptrace.Client {
	timeout := time.Duration(o.timeout * float64(time.Second))
	all := []otlptracehttp.Option{
		otlptracehttp.WithEndpoint(o.endpoint),
		otlptracehttp.WithTimeout(timeout),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: retryFirst, MaxInterval: retryMax,
			MaxElapsedTime: timeout}),
	}
	if tlsConfig == nil {
		all = append(all, otlptracehttp.WithInsecure())
	} else {
		all = append(all, otlptracehttp.WithTLSClientConfig(tlsConfig))
	}
	if o.coding == "gzip" {
		all = append(all, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	}
	if o.httpVersion != 0 {
		all = append(all, otlptracehttp.WithHTTPClient(newVersionClient(o.httpVersion, tlsConfig)))
	}
	return otlptracehttp.NewClient(all...)
}

// versionTransport speaks one version of HTTP and fails when the answer is in another.
type versionTransport struct {
	http.Transport
	version int
}

func newVersionClient(version int, tlsConfig *tls.Config) *http.Client {
	transport := &versionTransport{version: version}
	transport.TLSClientConfig = tlsConfig
	transport.Protocols = new(http.Protocols)
	switch {
	case version == 1:
		transport.Protocols.SetHTTP1(true)
	case tlsConfig == nil:
		transport.Protocols.SetUnencryptedHTTP2(true)
	default:
		transport.Protocols.SetHTTP2(true)
	}
	return &http.Client{Transport: transport}
}

func (t *versionTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.Transport.RoundTrip(request)
	if err == nil && response.ProtoMajor != t.version {
		response.Body.Close()
		return nil, fmt.Errorf("answered in %s, not in version %d", response.Proto, t.version)
	}
	return response, err
}
