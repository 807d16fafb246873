/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small messages that a backend answers with. The answer to an export that both we and
 * protobuf-c accept (it takes tags of more than 32 bits, we take fields of another type than the
 * schema's as unknown) reads alike; a status that we write carries its delay when it is read again,
 * also behind whatever fields the input puts before it.
 *
 * The first 8 bytes are the delay, byte 8 the gRPC code; the rest is the message.
 */
#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/response.h"
#include "pipeline/trace/value/field_numbers.h"
#include "pipeline/trace/value/wire.h"
#include "tests/support/fuzz_script.h"
#include "trace.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 64 << 10, DELAY_S_MAX = 1 << 30 };

/* How often field 1 occurs. protobuf-c merges what is repeated, we take the last. */
static size_t count_partials(struct slice body)
{
	struct wire_reader reader = {body.ptr, body.ptr + body.len};
	struct wire_field field;
	size_t count = 0;
	while (reader.at < reader.end && wire_read_field(&reader, &field))
		count += field.number == EXPORT_RESPONSE_PARTIAL_SUCCESS;
	return count;
}

static void compare(struct slice body)
{
	struct partial_success ours;
	Otlp__ExportTraceServiceResponse *theirs =
		otlp__export_trace_service_response__unpack(NULL, body.len, body.ptr);
	bool accepted = response_read_partial_success(body, &ours);
	if (accepted && theirs && count_partials(body) == 1) {
		const Otlp__ExportTracePartialSuccess *partial = theirs->partial_success;
		int64_t rejected = partial->rejected_spans;
		fuzz_must(ours.rejected_spans == (rejected > 0 ? (uint64_t)rejected : 0));
		fuzz_must(ours.has_message || partial->error_message[0] == 0);
	}
	if (theirs)
		otlp__export_trace_service_response__free_unpacked(theirs, NULL);
}

static void write_and_read(struct slice before, int code, uint64_t delay_ns)
{
	struct partial_success ignored;
	struct buf status = BUF_INIT;
	uint64_t read_ns = 0, earlier_ns;
	bool has_earlier = response_read_retry_delay(before, &earlier_ns);
	if (response_read_partial_success(before, &ignored)) /* well-formed */
		buf_append(&status, before);
	response_write_status(&status, code, code & 1 ? "a message" : "", delay_ns);
	bool found = response_read_retry_delay(buf_slice(&status), &read_ns);
	if (status.len > 0 && !has_earlier)
		fuzz_must(found == (delay_ns > 0) && (!found || read_ns == delay_ns));
	fuzz_must(!status.failed);
	buf_fini(&status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of(data, size);
	uint64_t delay_ns;
	if (size < sizeof(delay_ns) + 1 || size > INPUT_BYTES_MAX)
		return 0;
	memcpy(&delay_ns, fuzz_bytes(&script, sizeof(delay_ns)).ptr, sizeof(delay_ns));
	int code = fuzz_byte(&script);
	compare(script);
	write_and_read(script, code, delay_ns % (DELAY_S_MAX * NS_PER_S));
	return 0;
}
