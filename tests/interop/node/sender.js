// SPDX-License-Identifier: Apache-2.0

// Sends the workload by the OpenTelemetry SDK for Node.js, recording each request as it is
// exported.
//
// The same options and the same output as ../python/sender.py. Prints one line of JSON: SDK,
// version, and the failures that the SDK reported.

import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { setGlobalErrorHandler } from '@opentelemetry/core';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

import { Recorder, RecordingExporter, makeExporter } from './exporter.js';
import { SERVICES, TREE_SPANS, Workload } from './workload.js';

const BATCH_SPANS = 50;
const BATCH_DELAY_MS = 100;
const FLUSH_MS = 60_000; // above the exporter's own time-out, which then decides

function parseOptions() {
  const text = (fallback) => ({ type: 'string', default: fallback });
  const { values } = parseArgs({
    options: {
      protocol: text(), // grpc, http (protobuf) or http-json
      endpoint: text(), // host:port
      coding: text('none'), // none or gzip
      record: text(), // file for the requests exported
      spans: text('600'),
      scrapes: text('0'),
      seconds: text('0'), // spread over so long
      timeout: text('10'), // seconds for one export
      oversize: text('0'), // bytes of one span in between
      ca: text(''), // certificate to trust; turns TLS on
    },
  });
  for (const name of ['spans', 'scrapes', 'seconds', 'timeout', 'oversize'])
    values[name] = Number(values[name]);
  return values;
}

async function send(options, workload) {
  const trees = Math.ceil(options.spans / TREE_SPANS);
  let scrapes = 0;
  for (let i = 0; i < trees; i++) {
    workload.tree(Math.min(TREE_SPANS, options.spans - i * TREE_SPANS));
    while (scrapes * trees < options.scrapes * (i + 1))
      workload.scrape(scrapes++);
    if (options.oversize && i === Math.floor(trees / 2)) {
      // In a request of its own: what shares its request shares its fate.
      await workload.flush();
      workload.oversize(options.oversize);
      await workload.flush();
    }
    await sleep((options.seconds * 1000) / trees);
  }
  await workload.flush();
  await workload.shutdown();
}

const options = parseOptions();
const failures = [];
const report = (error) => failures.push(`${error.code} ${error.message}`);
setGlobalErrorHandler(report);
const recorder = new Recorder(options.record);
const newProcessor = () =>
  new BatchSpanProcessor(new RecordingExporter(makeExporter(options), recorder, options.protocol), {
    scheduledDelayMillis: BATCH_DELAY_MS,
    exportTimeoutMillis: FLUSH_MS,
    maxExportBatchSize: BATCH_SPANS,
    maxQueueSize: 10_000,
  });
await send(options, new Workload(SERVICES.map(newProcessor), report));
recorder.close();

const pinned = JSON.parse(fs.readFileSync(new URL('package.json', import.meta.url)));
const version = pinned.dependencies['@opentelemetry/sdk-trace-base'];
console.log(JSON.stringify({ sdk: 'Node.js', version, failures }));
