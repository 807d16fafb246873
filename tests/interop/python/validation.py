# SPDX-License-Identifier: Apache-2.0
"""Which configurations are taken: every key of the common blocks, each with every value of VALUES,
through `validate` of the real Collector and of Sluice.

What one takes and the other refuses is a row of the table in docs/collector-differences.md, with a
reason; a difference without a row fails, and so does a row without a difference.
"""

import copy
import fnmatch
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from case import Row

SIDE_BY_SIDE = 2  # of all CPUs, which other cases wait beside
VALIDATE_S = 60
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "../../../docs/collector-differences.md")
UNSET = "SLUICE_INTEROP_UNSET"  # no environment has it

# What is tried for each key, by the name that the table calls it.
VALUES = {
    "null": None, "empty": "", "unset": "${env:%s}" % UNSET, "text": "abc", "true": True,
    "0": 0, "1": 1, "-1": -1, "1.5": 1.5, "huge": 99999999999999999999, "list": ["abc"],
    "empty list": [], "map": {"abc": "abc"}, "empty map": {},
}

GRPC_SERVER = """endpoint transport tls max_recv_msg_size_mib max_concurrent_streams
    read_buffer_size write_buffer_size include_metadata auth middlewares keepalive
    keepalive.server_parameters keepalive.server_parameters.max_connection_idle
    keepalive.server_parameters.max_connection_age
    keepalive.server_parameters.max_connection_age_grace keepalive.server_parameters.time
    keepalive.server_parameters.timeout keepalive.enforcement_policy
    keepalive.enforcement_policy.min_time keepalive.enforcement_policy.permit_without_stream"""
HTTP_SERVER = """endpoint transport tls cors cors.allowed_origins cors.allowed_headers cors.max_age
    cors.exposed_headers max_request_body_size include_metadata response_headers
    response_headers.x-test compression_algorithms read_timeout read_header_timeout write_timeout
    idle_timeout keep_alives_enabled auth middlewares"""
TLS = """ca_file ca_pem cert_file cert_pem key_file key_pem min_version max_version cipher_suites
    curve_preferences reload_interval include_system_ca_certs_pool"""
TLS_SERVER = TLS + " client_ca_file client_ca_file_reload"
TLS_CLIENT = TLS + " insecure insecure_skip_verify server_name_override"
EXPORTER = """timeout sending_queue sending_queue.enabled sending_queue.num_consumers
    sending_queue.queue_size sending_queue.sizer sending_queue.block_on_overflow
    sending_queue.wait_for_result sending_queue.storage sending_queue.batch
    sending_queue.batch.flush_timeout sending_queue.batch.min_size sending_queue.batch.max_size
    sending_queue.batch.sizer sending_queue.batch.partition
    sending_queue.batch.partition.metadata_keys retry_on_failure retry_on_failure.enabled
    retry_on_failure.initial_interval retry_on_failure.max_interval
    retry_on_failure.max_elapsed_time retry_on_failure.randomization_factor
    retry_on_failure.multiplier"""
GRPC_CLIENT = """endpoint compression tls keepalive keepalive.time keepalive.timeout
    keepalive.permit_without_stream read_buffer_size write_buffer_size wait_for_ready headers
    headers.x-test balancer_name authority auth middlewares""" + " " + EXPORTER
HTTP_CLIENT = """endpoint traces_endpoint compression compression_params compression_params.level
    tls headers headers.x-test read_buffer_size write_buffer_size proxy_url encoding max_idle_conns
    max_idle_conns_per_host max_conns_per_host idle_conn_timeout disable_keep_alives
    force_attempt_http2 http2_read_idle_timeout http2_ping_timeout cookies cookies.enabled
    metrics_endpoint logs_endpoint profiles_endpoint auth middlewares""" + " " + EXPORTER
TELEMETRY = """logs logs.level logs.encoding logs.development logs.disable_caller
    logs.disable_stacktrace logs.output_paths logs.error_output_paths logs.initial_fields
    logs.processors logs.sampling logs.sampling.enabled logs.sampling.tick logs.sampling.initial
    logs.sampling.thereafter metrics metrics.level metrics.readers metrics.views traces
    traces.level traces.processors traces.propagators resource resource.service.name"""

# Block -> its keys.
KEYS = {
    "receivers.otlp": "protocols protocols.grpc protocols.http",
    "receivers.otlp.protocols.grpc": GRPC_SERVER,
    "receivers.otlp.protocols.grpc.tls": TLS_SERVER,
    "receivers.otlp.protocols.http":
        HTTP_SERVER + " traces_url_path metrics_url_path logs_url_path",
    "processors.batch": """timeout send_batch_size send_batch_max_size metadata_keys
        metadata_cardinality_limit""",
    "processors.memory_limiter": """check_interval limit_mib spike_limit_mib limit_percentage
        spike_limit_percentage min_gc_interval_when_soft_limited
        min_gc_interval_when_hard_limited""",
    "processors.filter": """error_mode traces traces.span traces.spanevent trace_conditions metrics
        logs""",
    "processors.probabilistic_sampler": """sampling_percentage hash_seed mode fail_closed
        sampling_precision attribute_source from_attribute sampling_priority""",
    "exporters.otlp_grpc": GRPC_CLIENT,
    "exporters.otlp_grpc.tls": TLS_CLIENT,
    "exporters.otlp_http": HTTP_CLIENT,
    "exporters.debug": """verbosity sampling_initial sampling_thereafter use_internal_logger
        output_paths sending_queue""",
    "exporters.file": """path format append rotation rotation.max_megabytes rotation.max_days
        rotation.max_backups rotation.localtime compression flush_interval create_directory
        group_by""",
    "extensions.health_check": HTTP_SERVER + """ path response_body response_body.healthy
        response_body.unhealthy check_collector_pipeline""",
    "service": "extensions pipelines pipelines.traces telemetry",
    "service.pipelines.traces": "receivers processors exporters",
    "service.telemetry": TELEMETRY,
    "": "receivers processors exporters extensions connectors service",
}

# Single values that are likely to be written and are none of VALUES: key -> value.
WRITTEN = [
    *(("receivers.otlp.protocols.grpc.endpoint", text) for text in (
        "localhost", "127.0.0.1", "4317", "127.0.0.1:99999", "127.0.0.1:-1", "127.0.0.1:abc",
        "127.0.0.1:", "::1:4317", "[::1:4317", "::1]:4317", "[::1]", "[nonsense]:4317",
        "http://127.0.0.1:4317", "/tmp/sluice.sock", "unix:///tmp/sluice.sock", "300.1.1.1:4317",
        "127.0.0.1:4317/v1", "127.0.0.1 :4317", "a b:4317", ":4317", "[::]:4317")),
    ("receivers.otlp.protocols.grpc.transport", "unix"),
    ("receivers.otlp.protocols.grpc.transport", "udp"),
    ("receivers.otlp.protocols.grpc.transport", "tcp4"),
    *(("exporters.otlp_grpc.endpoint", text) for text in (
        "backend", "backend:4317", "backend:99999", "backend:abc", "backend:", "http://backend:4317",
        "https://backend", "http://backend", "http://backend:4317/v1/traces",
        "https://backend/v1/traces", "backend:4317/v1/traces", "dns:///backend:4317",
        "dns:///backend", "unix:///tmp/a.sock", "ftp://backend:4317", "http://backend:4317?x=1",
        "$ENDPOINT", "http://user:secret@backend:4317", "passthrough:///backend:4317", ":4317",
        "[::1]:4317", "::1:4317", "backend :4317")),
    *(("exporters.otlp_http.endpoint", text) for text in (
        "backend:4318", "http://backend", "http://backend:4318", "http://backend:99999",
        "http://backend:abc", "http://backend:4318?x=1", "http://backend:4318/v1/traces",
        "http://", "ftp://backend", "$ENDPOINT", "http://user:secret@backend:4318",
        "http://back end:4318", "http:/backend:4318", "//backend:4318", "http://backend:4318/#a")),
    *(("exporters.otlp_http.proxy_url", text) for text in (
        "http://proxy:3128", "proxy:3128", "socks5://proxy:1080", "http://proxy:abc")),
    ("exporters.otlp_grpc.sending_queue", False),
    ("exporters.otlp_grpc.retry_on_failure", False),
    ("exporters.otlp_grpc.compression", "snappy"),
    ("exporters.otlp_grpc.compression", "zstd"),
    ("exporters.otlp_grpc.compression", "none"),
    ("exporters.otlp_http.compression", "zlib"),
    ("exporters.otlp_http.compression", "deflate"),
    ("exporters.otlp_http.compression", "lz4"),
    ("exporters.otlp_http.compression", "x-snappy-framed"),
    ("exporters.otlp_http.compression", "none"),
    ("exporters.otlp_grpc.timeout", "5"),
    ("exporters.otlp_grpc.timeout", "-5s"),
    ("exporters.otlp_grpc.retry_on_failure.max_elapsed_time", "1s"),
    ("exporters.otlp_grpc.retry_on_failure.max_interval", "1s"),
    ("exporters.otlp_grpc.tls.min_version", "1.1"),
    ("exporters.otlp_grpc.tls.min_version", "1.4"),
    ("exporters.otlp_grpc.tls.max_version", "1.1"),
    ("exporters.otlp_grpc.tls.cert_file", "/nonexistent.pem"),
    ("exporters.otlp_grpc.tls.ca_file", "/nonexistent.pem"),
    ("receivers.otlp.protocols.grpc.tls.cipher_suites", ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]),
    ("receivers.otlp.protocols.grpc.tls.curve_preferences", ["X25519"]),
    ("processors.probabilistic_sampler.sampling_precision", 14),
    ("processors.probabilistic_sampler.sampling_precision", 15),
    ("processors.probabilistic_sampler.mode", "proportional"),
    ("processors.probabilistic_sampler.mode", "equalizing"),
    ("processors.probabilistic_sampler.attribute_source", "record"),
    ("processors.probabilistic_sampler.sampling_percentage", 101),
    ("processors.filter.error_mode", "silent"),
    ("processors.filter.traces.span", ["name =="]),
    ("service.telemetry.logs.level", "WARN"),
    ("service.telemetry.logs.encoding", "json"),
    ("service.telemetry.metrics.level", "Detailed"),
    ("service.telemetry.metrics.address", "localhost:8888"),
    ("exporters.debug.verbosity", "Detailed"),
    ("exporters.debug.verbosity", "verbose"),
]


def base(work):
    """A configuration that both take, in which every block of KEYS stands."""
    return {
        "receivers": {"otlp": {"protocols": {
            "grpc": {"endpoint": "127.0.0.1:4317"}, "http": {"endpoint": "127.0.0.1:4318"}}}},
        "processors": {
            "batch": {}, "memory_limiter": {"check_interval": "1s", "limit_mib": 512},
            "filter": {"traces": {"span": ["name == \"x\""]}},
            "probabilistic_sampler": {"sampling_percentage": 10}},
        "exporters": {
            "otlp_grpc": {"endpoint": "backend:4317"},
            "otlp_http": {"endpoint": "http://backend:4318"}, "debug": {},
            "file": {"path": os.path.join(work, "validation.jsonl")}},
        "extensions": {"health_check": {"endpoint": "127.0.0.1:13133"}},
        "connectors": {},
        "service": {
            "extensions": ["health_check"],
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {
                "receivers": ["otlp"],
                "processors": ["memory_limiter", "filter", "probabilistic_sampler", "batch"],
                "exporters": ["otlp_grpc", "otlp_http", "debug", "file"]}}},
    }


# A block needs these beside the key that is tried.
def companions(setting_certificate):
    certificate, key = setting_certificate
    return {"receivers.otlp.protocols.grpc.tls": {"cert_file": certificate, "key_file": key}}


def put(config, path, value):
    """Sets the dotted ${path}; what is on the way and no map becomes one."""
    *parents, last = path.split(".")
    if path.endswith("resource.service.name"):
        parents, last = parents[:-1], "service.name"
    for part in parents:
        if not isinstance(config.get(part), dict):
            config[part] = {}
        config = config[part]
    config[last] = value


def attempts(work, certificate):
    """(name of the key, name of the value, configuration) of everything that is tried."""
    known, beside = base(work), companions(certificate)

    def build(block, path, value):
        config = copy.deepcopy(known)
        if block in beside:
            put(config, block, dict(beside[block]))
        put(config, path, value)
        return config

    for block, keys in KEYS.items():
        for key in keys.split():
            path = f"{block}.{key}".lstrip(".")
            for name, value in VALUES.items():
                yield path, name, build(block, path, value)
    for path, value in WRITTEN:
        yield path, json.dumps(value), build(path.rpartition(".")[0], path, value)


def takes(program, config):
    """Whether ${program} takes ${config}, and what it says when it does not."""
    process = subprocess.run(
        [program, "validate", "--config", "yaml:" + json.dumps(config)], capture_output=True,
        text=True, timeout=VALIDATE_S, check=False, stdin=subprocess.DEVNULL,
        env={"PATH": os.defpath})
    return process.returncode == 0, process.stderr.strip()


class Difference:
    """A row of the table: which keys with which values, and how many there are."""

    def __init__(self, line):
        keys, values, collector, _, count = (cell.strip() for cell in line.strip("|\n").split("|"))
        self.name = f"{keys} {values}"
        self._keys, self._values = (re.findall("`([^`]*)`", cell) for cell in (keys, values))
        self._collector_takes = collector == "takes"
        self.count = int(count)
        self.seen = 0

    def matches(self, key, value, collector_takes):
        return (collector_takes == self._collector_takes
                and any(fnmatch.fnmatchcase(key, pattern) for pattern in self._keys)
                and ("*" in self._values or value in self._values))


def documented(page):
    """The rows of ${page} between its marks, without the table's head."""
    with open(page, encoding="utf-8") as file:
        part = file.read().partition("<!-- accepted -->\n")[2].partition("<!-- end -->")[0]
    return [Difference(line) for line in part.splitlines()[2:]]


def compare(setting):
    row = Row("validate as the Collector does", "-", "-", "-", version="0.161")
    tried = list(attempts(setting.work, setting.certificate))
    rows = documented(PAGE)

    def both(attempt):
        return [takes(program, attempt[2]) for program in (setting.peers["collector"], setting.sluice)]

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for (key, value, _), (collector, sluice) in zip(tried, pool.map(both, tried)):
            row.sent += 1
            if collector[0] == sluice[0]:
                row.arrived += 1
                continue
            known = next((d for d in rows if d.matches(key, value, collector[0])), None)
            if known:
                known.seen += 1
                row.filtered += 1
            else:
                who, why = ("Sluice", sluice[1]) if collector[0] else ("the Collector", collector[1])
                row.problems.append(f"{key}: {value}: only {who} refuses: {why[:200]}")
    for difference in rows:
        if difference.seen != difference.count:
            row.problems.append(f"{difference.name}: {difference.seen} differences, the table says "
                                f"{difference.count}")
    return [row]


def cases(_sdks):
    """Calls that take the setting and return rows: one, whose columns count configurations, those
    on which both agree, and those in the table."""
    yield compare
