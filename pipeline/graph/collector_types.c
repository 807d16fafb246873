/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names are those of the Collector's core and contrib distributions, without underscores: most
 * components have changed between `k8sattributes` and `k8s_attributes` once, and both are in use.
 * A row that has become a component of this build is never asked for.
 */
#include "pipeline/graph/collector_types.h"

#define NO_TRACES                                                                                  \
	"it carries no traces: leave it out with its pipeline, or start with --signals traces"
#define RECEIVE_OTLP                                                                               \
	"let its senders speak OTLP (receiver otlp), or put a Collector with this receiver in "    \
	"front"
#define SEND_OTLP                                                                                  \
	"send OTLP to the backend (otlp_grpc, otlp_http), or to a Collector that has this "        \
	"exporter"
#define PROCESS_ELSEWHERE "leave it to a Collector in front of this program or behind it"
#define CREDENTIALS                                                                                \
	"use basicauth, bearertokenauth or an exporter's 'headers'; a receiver may also ask for "  \
	"client certificates (tls.client_ca_file)"
#define STORAGE "queues are in memory: remove it together with sending_queue.storage"
#define ENCODING "it encodes for components that this build does not have: remove it"
#define DISCOVERY "it finds targets for receiver_creator, which is not here: remove it"
#define CONNECT_METRICS                                                                            \
	"it makes metrics of spans: send the spans to a Collector that has this connector as well"
#define CONNECT_PIPELINES                                                                          \
	"give each destination a pipeline of its own, with a filter processor that keeps its "     \
	"spans"

static const struct collector_types rows[] = {
	/* ---- receivers ---- */
	{SECTION_RECEIVERS,
	 "jaeger zipkin kafka pulsar skywalking awsxray datadog libhoney faro googlecloudpubsub "
	 "azureeventhub awss3 awslambda azureblob otelarrow stef solace rabbitmq splunkhec "
	 "signalfx "
	 "sapm otlpjsonfile cloudflare github gitlab mongodbatlas envoyals obi wavefront",
	 {.advice = RECEIVE_OTLP}},
	{SECTION_RECEIVERS, "opencensus", {.removed = true, .advice = RECEIVE_OTLP}},
	{SECTION_RECEIVERS,
	 "activedirectoryds aerospike apache apachespark awscloudwatch awscontainerinsight "
	 "awscontainerinsightreceiver awsecscontainermetrics awsfirehose azuremonitor bigip carbon "
	 "chrony ciscoos cloudfoundry collectd couchdb dockerstats elasticsearch expvar filelog "
	 "filestats flinkmetrics fluentforward googlecloudmonitoring googlecloudspanner haproxy "
	 "hostmetrics httpcheck icmpcheck iis influxdb journald k8scluster k8sevents k8sobjects "
	 "kafkametrics kubeletstats loki macosunifiedlogging memcached mongodb mysql namedpipe "
	 "netflow nginx nsxt ntp oracledb podmanstats postgresql pprof prometheus prometheussimple "
	 "prometheusremotewrite purefa purefb redis riak saphana snmp snowflake splunkenterprise "
	 "sqlquery sqlserver sshcheck statsd syslog systemd tcpcheck tcplog tlscheck udplog "
	 "vcenter "
	 "webhookevent windowseventlog windowsperfcounters windowsservice yanggrpc zookeeper",
	 {.advice = NO_TRACES}},
	{SECTION_RECEIVERS,
	 "receivercreator",
	 {.advice = "name the receivers themselves: otlp needs no discovery"}},
	/* ---- processors ---- */
	{SECTION_PROCESSORS,
	 "transform span redaction schema",
	 {.advice =
		  "attributes and resource change attributes, metadata_only removes content; other "
		  "changes are left to a Collector in front of this program or behind it"}},
	{SECTION_PROCESSORS,
	 "tailsampling groupbytrace",
	 {.advice = "probabilistic_sampler and filter decide by the span; whole traces are left to "
		    "a Collector behind this program"}},
	{SECTION_PROCESSORS,
	 "k8sattributes resourcedetection",
	 {.advice = "let the senders set resource attributes (OTEL_RESOURCE_ATTRIBUTES, or the "
		    "operator's injection)"}},
	{SECTION_PROCESSORS,
	 "coralogix cardinalityguardian drain genainormalizer geoip groupbyattrs "
	 "isolationforest remotetap sumologic unroll",
	 {.advice = PROCESS_ELSEWHERE}},
	{SECTION_PROCESSORS,
	 "cumulativetodelta deltatocumulative deltatorate interval logdedup logstransform "
	 "metricsgeneration metricstarttime metricstransform",
	 {.advice = NO_TRACES}},
	{SECTION_PROCESSORS,
	 "queuedretry",
	 {.removed = true,
	  .advice = "each exporter has sending_queue and retry_on_failure, on by default: remove "
		    "it"}},
	{SECTION_PROCESSORS,
	 "spanmetrics servicegraph",
	 {.removed = true, .advice = CONNECT_METRICS}},
	{SECTION_PROCESSORS, "routing", {.removed = true, .advice = CONNECT_PIPELINES}},
	/* ---- exporters ---- */
	{SECTION_EXPORTERS,
	 "logging",
	 {.removed = true, .advice = "taken as debug, its present name: rename it"}},
	{SECTION_EXPORTERS,
	 "jaegerthrift",
	 {.removed = true, .advice = "use jaeger (gRPC, port 14250), or otlp_grpc on port 4317"}},
	{SECTION_EXPORTERS, "opencensus sapm", {.removed = true, .advice = SEND_OTLP}},
	{SECTION_EXPORTERS,
	 "alibabacloudlogservice awskinesis awss3 awsxray azureblob azuredataexplorer azuremonitor "
	 "bmchelix cassandra clickhouse coralogix datadog dataset doris elasticsearch faro "
	 "googlecloud googlecloudpubsub googlecloudstorage honeycombmarker instana kafka "
	 "logicmonitor logzio mezmo opensearch otelarrow pulsar rabbitmq sentry splunkhec stef "
	 "sumologic tencentcloudlogservice tinybird zipkin influxdb",
	 {.advice = SEND_OTLP}},
	{SECTION_EXPORTERS,
	 "loadbalancing",
	 {.advice = "send to a Collector that has this exporter, or to a service that balances"}},
	{SECTION_EXPORTERS,
	 "awscloudwatchlogs awsemf carbon googlemanagedprometheus prometheus prometheusremotewrite "
	 "signalfx syslog",
	 {.advice = NO_TRACES}},
	{SECTION_EXPORTERS, "loki", {.removed = true, .advice = NO_TRACES}},
	/* ---- connectors ---- */
	{SECTION_CONNECTORS,
	 "spanmetrics servicegraph count sum exceptions signaltometrics datadog grafanacloud",
	 {.advice = CONNECT_METRICS}},
	{SECTION_CONNECTORS, "routing", {.advice = CONNECT_PIPELINES}},
	{SECTION_CONNECTORS,
	 "failover roundrobin otlpjson metricsaslogs slowsql",
	 {.advice = "forward joins pipelines; everything else is left to a Collector behind this "
		    "program"}},
	/* ---- extensions ---- */
	{SECTION_EXTENSIONS,
	 "zpages",
	 {.inert = true, .advice = "spans are counted on the metrics page and in the log"}},
	{SECTION_EXTENSIONS,
	 "pprof",
	 {.inert = true, .advice = "it profiles Go programs; perf profiles this one"}},
	{SECTION_EXTENSIONS,
	 "memoryballast",
	 {.inert = true,
	  .removed = true,
	  .advice = "there is no garbage collector; memory_limiter bounds the memory"}},
	{SECTION_EXTENSIONS,
	 "cgroupruntime",
	 {.inert = true, .advice = "the limits of the cgroup are read without it"}},
	{SECTION_EXTENSIONS, "healthcheckv2", {.advice = "use health_check"}},
	{SECTION_EXTENSIONS,
	 "oauth2client oidc sigv4auth asapclient azureauth "
	 "googleclientauth headerssetter awsiamdbauth",
	 {.advice = CREDENTIALS}},
	{SECTION_EXTENSIONS,
	 "filestorage dbstorage redisstorage pebbletailstorage",
	 {.advice = STORAGE}},
	{SECTION_EXTENSIONS,
	 "awscloudwatchmetricstreamsencoding awslogsencoding azureencoding "
	 "googlecloudlogentryencoding jaegerencoding jsonlogencoding otlpencoding "
	 "skywalkingencoding textencoding zipkinencoding avrologencoding",
	 {.advice = ENCODING}},
	{SECTION_EXTENSIONS,
	 "dockerobserver ecsobserver ecstaskobserver hostobserver k8sobserver kafkatopicsobserver "
	 "cfgardenobserver",
	 {.advice = DISCOVERY}},
	{SECTION_EXTENSIONS,
	 "ack awsproxy datadog httpforwarder jaegerremotesampling k8sleaderelector opamp "
	 "sumologic",
	 {.advice = "nothing in this build uses it: remove it, or keep it in a Collector beside"}},
};

static bool same_but_underscores(const char *type, const char *name, size_t len)
{
	size_t at = 0;
	for (; *type; type++) {
		if (*type == '_')
			continue;
		if (at == len || name[at++] != *type)
			return false;
	}
	return at == len;
}

static bool has_name(const char *names, const char *type)
{
	while (*names) {
		size_t len = strcspn(names, " ");
		if (same_but_underscores(type, names, len))
			return true;
		names += len;
		names += strspn(names, " ");
	}
	return false;
}

const struct config_foreign_type *collector_type_find(enum config_section section, const char *type)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (rows[i].section == section && has_name(rows[i].names, type))
			return &rows[i].type;
	}
	return NULL;
}

const struct collector_types *collector_types_list(size_t *ret_count)
{
	*ret_count = ARRAY_COUNT(rows);
	return rows;
}
