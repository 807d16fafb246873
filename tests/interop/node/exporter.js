// SPDX-License-Identifier: Apache-2.0

// The SDK's exporters, one for each protocol, and a record of what they are given.

import fs from 'node:fs';

import { credentials } from '@grpc/grpc-js';
import { ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter as GrpcExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';

const HEADER_BYTES = 5;
const TAKEN = 1;
const JSON_TEXT = 2;

// Writes requests and what became of them: a byte, bit 0 set when the receiver took it and bit 1
// when the request is OTLP/JSON, not protobuf; the length in 4 bytes, big endian; the request.
export class Recorder {
  constructor(path) {
    this.file = fs.openSync(path, 'w');
  }

  write(body, flags) {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt8(flags);
    header.writeUInt32BE(body.length, 1);
    fs.writeSync(this.file, Buffer.concat([header, body]));
  }

  close() {
    fs.closeSync(this.file);
  }
}

// Lets the real exporter send what it is given, and records that as the exporter encodes it: JSON
// has no number for some of the values that protobuf has.
export class RecordingExporter {
  constructor(exporter, recorder, protocol) {
    this.exporter = exporter;
    this.recorder = recorder;
    this.json = protocol === 'http-json';
  }

  export(spans, done) {
    const serializer = this.json ? JsonTraceSerializer : ProtobufTraceSerializer;
    const body = serializer.serializeRequest(spans);
    this.exporter.export(spans, (result) => {
      const taken = result.code === ExportResultCode.SUCCESS ? TAKEN : 0;
      this.recorder.write(body, taken | (this.json ? JSON_TEXT : 0));
      done(result);
    });
  }

  shutdown() {
    return this.exporter.shutdown();
  }

  forceFlush() {
    return this.exporter.forceFlush();
  }
}

export function makeExporter(options) {
  const scheme = options.ca ? 'https' : 'http';
  const common = { compression: options.coding, timeoutMillis: options.timeout * 1000 };
  const ca = options.ca ? fs.readFileSync(options.ca) : undefined;
  if (options.protocol === 'grpc')
    return new GrpcExporter({
      ...common,
      url: `${scheme}://${options.endpoint}`,
      credentials: ca ? credentials.createSsl(ca) : credentials.createInsecure(),
    });
  const HttpExporter = { http: ProtobufExporter, 'http-json': JsonExporter }[options.protocol];
  return new HttpExporter({
    ...common,
    url: `${scheme}://${options.endpoint}/v1/traces`,
    httpAgentOptions: { keepAlive: true, ca },
  });
}
