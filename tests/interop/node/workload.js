// SPDX-License-Identifier: Apache-2.0

// Spans that use what the SDK can express: services, scopes, all types of values that it has,
// events, links, status, trace state, limits exceeded, remote parents. ../python/workload.py makes
// the like of it.

import {
  ROOT_CONTEXT, SpanKind, SpanStatusCode, createTraceState, trace,
} from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';

export const TREE_SPANS = 5; // a trace: a root and its children

// Each has a provider, an exporter and a connection of its own.
export const SERVICES = ['llm-d-router/epp', 'routing-proxy', 'vllm-decode', 'пример-服务-🛰'];

const KINDS = [SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER,
  SpanKind.CONSUMER];

// Fewer than some spans want, so that dropped attributes, events and links are counted.
const LIMITS = { attributeCountLimit: 32, eventCountLimit: 6, linkCountLimit: 3 };

// The SDK makes integers of all numbers without a fraction; beyond the safe ones it writes what is
// no 64-bit integer.
const VALUES = {
  'text.ascii': 'chatcmpl-8f1c',
  'text.empty': '',
  'text.unicode': 'naïve 漢字 🚀 e\u0301 \u2028',
  'text.control': 'tab\tnewline\nnul\0end "\\/',
  'text.long': '0123456789abcdef'.repeat(256),
  'bool.true': true,
  'bool.false': false,
  'int.zero': 0,
  'int.max': Number.MAX_SAFE_INTEGER,
  'int.min': Number.MIN_SAFE_INTEGER,
  'double.tiny': 5e-324,
  'double.small': 1.5e-7,
  'double.long': 0.1 + 0.2,
  'double.infinity': -Infinity,
  'double.nan': NaN,
  'null': null,
  'array.empty': [],
  'array.strings': ['default/pod-0', '', 'ünïcode'],
  'array.bools': [true, false, true],
  'array.ints': [-1, 0, 2 ** 40],
  'array.doubles': [0.25, -0.5, 1e-9],
  'array.gaps': ['a', null, 'b'],
};

// One span shape for each condition of the filter in configs/, in the order of the conditions.
const SCRAPES = [
  ['GET /metrics/path', SpanKind.SERVER, { 'url.path': '/metrics' }],
  ['target', SpanKind.SERVER, { 'http.target': '/metrics' }],
  ['route', SpanKind.SERVER, { 'http.route': '/metrics' }],
  ['GET /metrics http send', SpanKind.INTERNAL, {}],
  ['GET', SpanKind.CLIENT, { 'url.full': 'http://10.0.0.1:8000/metrics' }],
];

// Close to a scrape, and none.
const NEAR_MISSES = [
  ['GET', SpanKind.SERVER, { 'url.path': '/v1/models' }],
  ['GET /metrics2', SpanKind.SERVER, { 'url.path': '/metrics2' }],
  ['GET', SpanKind.CLIENT, { 'url.full': 'http://10.0.0.1:8000/metrics/job' }],
  ['scrape', SpanKind.SERVER, { 'url.path': ['/metrics'] }],
];

const hex = (number, digits) => number.toString(16).padStart(digits, '0');
const numbered = (prefix, count) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}.${i}`, i]));

export class Workload {
  // ${processors}: one per service; ${report} is called with each error of an export.
  constructor(processors, report) {
    this.report = report;
    this.providers = SERVICES.map((name, i) => newProvider(name, processors[i]));
    this.tracers = this.providers.map((provider) => provider.getTracer('interop', '1.2.3', {
      schemaUrl: 'https://opentelemetry.io/schemas/1.37.0' }));
    // A second scope, without anything but its name.
    this.plain = this.providers.map((provider) => provider.getTracer('plain'));
    this.count = 0;
  }

  flush() {
    return this.all((provider) => provider.forceFlush());
  }

  shutdown() {
    return this.all((provider) => provider.shutdown());
  }

  async all(action) {
    for (const { reason } of await Promise.allSettled(this.providers.map(action)))
      [reason ?? []].flat().forEach(this.report);
  }

  // Exports one trace of ${size} spans over all services.
  tree(size) {
    const number = this.count++;
    const root = this.start(number, 0, number % 2 ? remoteParent(number) : ROOT_CONTEXT);
    const context = trace.setSpan(ROOT_CONTEXT, root);
    for (let i = 1; i < size; i++) {
      const child = this.start(number, i, context);
      decorate(child, number + i);
      child.end();
    }
    decorate(root, number);
    root.end();
  }

  // Exports a span that the filter's condition ${number} drops.
  scrape(number) {
    const condition = number % SCRAPES.length;
    const [name, kind, attributes] = SCRAPES[condition];
    this.tracers[number % SERVICES.length].startSpan(name, {
      kind, attributes: { ...attributes, 'interop.scrape': condition } }, ROOT_CONTEXT).end();
  }

  oversize(size) {
    this.tracers[0].startSpan('oversize', { attributes: { content: 'x'.repeat(size) } }).end();
  }

  start(number, i, context) {
    const service = (number + i) % SERVICES.length;
    const tracer = i === 4 ? this.plain[service] : this.tracers[service];
    let [name, kind, attributes] = ['llm_request', KINDS[i % KINDS.length], { index: number }];
    if (i === 3)
      [name, kind, attributes] = NEAR_MISSES[number % NEAR_MISSES.length];
    return tracer.startSpan(name, { kind, attributes, links: links(number, i) }, context);
  }
}

function newProvider(name, processor) {
  const resource = resourceFromAttributes({
    'service.name': name, 'service.instance.id': 'pod-0', 'host.cpus': 8,
    'k8s.pod.labels': ['a=1', 'b=2'], weight: 0.5, tracing: true,
  }, { schemaUrl: 'https://opentelemetry.io/schemas/1.36.0' });
  return new BasicTracerProvider({ resource, spanLimits: LIMITS, spanProcessors: [processor] });
}

function decorate(span, number) {
  const keys = Object.keys(VALUES);
  for (let k = 0; k < number % 6; k++) {
    const key = keys[(number * 5 + k) % keys.length];
    span.setAttribute(key, VALUES[key]);
  }
  if (number % 10 === 0)
    span.setAttributes(VALUES);
  if (number % 25 === 0) { // beyond LIMITS
    span.setAttributes(numbered('filler', 40));
    for (let i = 0; i < 9; i++)
      span.addEvent(`token ${i}`);
  }
  if (number % 4 === 0) {
    span.addEvent('первое 🥇', { rank: 1, scores: [0.5, 0.25], hit: true });
    span.addEvent('', [0, 1]);
  }
  if (number % 7 === 0) {
    span.recordException(new Error('no such model: ∅'));
    span.setStatus({ code: SpanStatusCode.ERROR, message: 'отказ 💥' });
  } else if (number % 5 === 0) {
    span.setStatus({ code: SpanStatusCode.OK });
  }
}

function remoteParent(number) {
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: hex(number + 1, 16) + hex(0xfeed, 16), spanId: hex(number + 1, 16),
    traceFlags: 1, isRemote: true,
    traceState: createTraceState(`vendor=opaque-${number},rojo=00f067aa0ba902b7`),
  });
}

function links(number, i) {
  let wanted = number % 3 ? 0 : i % 3;
  if (number % 25 === 0)
    wanted = 5;
  const context = {
    traceId: hex(0xabcd, 16) + hex(number, 16), spanId: hex(i + 1, 16), traceFlags: i % 2,
    isRemote: i % 2 === 1, traceState: createTraceState('k=v'),
  };
  return Array.from({ length: wanted }, (_, n) => (
    { context, attributes: { reason: 'batch', position: n } }));
}
