# SPDX-License-Identifier: Apache-2.0
"""Sends the workload by the OpenTelemetry Python SDK, recording each request as it is exported.

The same options and the same output as ../go/main.go. Prints one line of JSON: SDK, version, and
the failures that the exporters reported.
"""

import argparse
import json
import logging
import time
from importlib.metadata import version

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from recorder import Recorder, RecordingExporter
from workload import SERVICES, TREE_SPANS, Workload

BATCH_SPANS = 50
BATCH_DELAY_MS = 100


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocol", choices=["grpc", "http"], required=True)
    parser.add_argument("--endpoint", required=True, help="host:port")
    parser.add_argument("--coding", choices=["none", "gzip"], default="none")
    parser.add_argument("--record", required=True, help="file for the requests exported")
    parser.add_argument("--spans", type=int, default=600)
    parser.add_argument("--scrapes", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0, help="spread over so long")
    parser.add_argument("--timeout", type=float, default=10, help="seconds for one export")
    parser.add_argument("--oversize", type=int, default=0, help="bytes of one span in between")
    parser.add_argument("--keepalive-ms", type=int, default=0, help="gRPC PINGs")
    parser.add_argument("--ca", help="certificate to trust; turns TLS on")
    return parser.parse_args()


class ErrorLog(logging.Handler):
    """The SDK reports failed exports to its log only."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


def make_exporter(options):
    scheme = "https" if options.ca else "http"
    gzip = options.coding == "gzip"
    if options.protocol == "http":
        return HttpExporter(
            endpoint=f"{scheme}://{options.endpoint}/v1/traces", certificate_file=options.ca,
            compression=Compression.Gzip if gzip else Compression.NoCompression,
            timeout=options.timeout)
    credentials = None
    if options.ca:
        with open(options.ca, "rb") as file:
            credentials = grpc.ssl_channel_credentials(file.read())
    channel = []
    if options.keepalive_ms:
        channel = [("grpc.keepalive_time_ms", options.keepalive_ms),
                   ("grpc.keepalive_timeout_ms", 2000),
                   ("grpc.keepalive_permit_without_calls", 1),
                   ("grpc.http2.max_pings_without_data", 0)]
    return GrpcExporter(
        endpoint=f"{scheme}://{options.endpoint}", credentials=credentials,
        compression=grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression,
        timeout=options.timeout, channel_options=tuple(channel))


def run(options, workload):
    trees = options.spans // TREE_SPANS
    sizes = [TREE_SPANS] * trees + [options.spans % TREE_SPANS] * (options.spans % TREE_SPANS > 0)
    scrapes = 0
    for i, size in enumerate(sizes):
        workload.tree(size)
        while scrapes * len(sizes) < options.scrapes * (i + 1):
            workload.scrape(scrapes)
            scrapes += 1
        if options.oversize and i == len(sizes) // 2:
            # In a request of its own: what shares its request shares its fate.
            workload.flush()
            workload.oversize(options.oversize)
            workload.flush()
        time.sleep(options.seconds / len(sizes))
    workload.flush()
    workload.shutdown()


def main():
    options = parse_options()
    errors = ErrorLog()
    logging.getLogger("opentelemetry").addHandler(errors)
    recorder = Recorder(options.record)
    workload = Workload([
        BatchSpanProcessor(RecordingExporter(make_exporter(options), recorder),
                           schedule_delay_millis=BATCH_DELAY_MS, max_queue_size=10_000,
                           max_export_batch_size=BATCH_SPANS)
        for _ in SERVICES])
    run(options, workload)
    recorder.close()
    print(json.dumps({"sdk": "Python", "version": version("opentelemetry-sdk"),
                      "failures": errors.messages}))


if __name__ == "__main__":
    main()
