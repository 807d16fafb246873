# SPDX-License-Identifier: Apache-2.0
"""A record of what an SDK exports, for compare.py."""

import struct
import threading

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class Recorder:
    """Writes requests and what became of them: a byte, 1 when the receiver took it, the length in 4
    bytes, big endian, and the request."""

    def __init__(self, path):
        self._file = open(path, "wb", buffering=0)
        self._lock = threading.Lock()

    def write(self, request, taken):
        body = request.SerializeToString()
        with self._lock:
            self._file.write(struct.pack(">BI", taken, len(body)) + body)

    def close(self):
        self._file.close()


class RecordingExporter(SpanExporter):
    """Lets the real exporter send what it is given, and records that."""

    def __init__(self, exporter, recorder):
        self._exporter = exporter
        self._recorder = recorder

    def export(self, spans):
        result = self._exporter.export(spans)
        self._recorder.write(encode_spans(spans), result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self):
        self._exporter.shutdown()

    def force_flush(self, timeout_millis=30_000):
        return self._exporter.force_flush(timeout_millis)
