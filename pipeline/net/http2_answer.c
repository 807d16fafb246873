/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers over HTTP/2. A body is copied once, since the stream's window decides when it leaves: a
 * small one into the request itself, a larger one into memory that is charged to the connection's
 * account. gRPC's status follows as trailers.
 */
#include "pipeline/net/server_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_FIELDS_MAX = 16 };

#define STATIC_FIELD(name_text, value_text)                                                        \
	{                                                                                          \
		(uint8_t *)(uintptr_t)(name_text), (uint8_t *)(uintptr_t)(value_text),             \
			sizeof(name_text) - 1, sizeof(value_text) - 1,                             \
			NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE               \
	}

static ssize_t read_answer(nghttp2_session *session, int32_t stream_id, uint8_t *into, size_t size,
			   uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	static const nghttp2_nv ok[] = {STATIC_FIELD("grpc-status", "0")};
	struct request *request = source->ptr;
	size_t len = request->answer_len - request->answer_sent;
	(void)arg;
	if (len > size)
		len = size;
	memcpy(into, request->answer + request->answer_sent, len);
	request->answer_sent += len;
	if (request->answer_sent < request->answer_len)
		return (ssize_t)len;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (request->answer_has_trailers) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		if (nghttp2_submit_trailer(session, stream_id, ok, ARRAY_COUNT(ok)) != 0)
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return (ssize_t)len;
}

static bool keep_answer(struct request *request, const struct answer *answer)
{
	size_t len = answer->prefix.len + answer->body.len;
	struct account *account = &request->sc->account;
	if (len <= REQUEST_ANSWER_BYTES) {
		request->answer = request->answer_inline;
	} else {
		if (!account_take(account, len))
			return false;
		request->answer = malloc(len);
		if (!request->answer) {
			account_give(account, len);
			return false;
		}
	}
	if (answer->prefix.len > 0)
		memcpy(request->answer, answer->prefix.ptr, answer->prefix.len);
	if (answer->body.len > 0)
		memcpy(request->answer + answer->prefix.len, answer->body.ptr, answer->body.len);
	request->answer_len = len;
	request->answer_has_trailers = answer->grpc_trailers;
	return true;
}

static nghttp2_nv field(struct slice name, struct slice value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr,
			    name.len, value.len, NGHTTP2_NV_FLAG_NONE};
}

void http2_answer(struct request *request, const struct answer *answer)
{
	struct server_conn *sc = request->sc;
	nghttp2_session *session = sc->http2.session;
	nghttp2_nv fields[ANSWER_FIELDS_MAX];
	nghttp2_data_provider provider = {.source = {.ptr = request}, .read_callback = read_answer};
	char status[12], length[24];
	size_t count = 0, body_len = answer->prefix.len + answer->body.len;
	int len = snprintf(status, sizeof(status), "%d", answer->status);
	fields[count++] = field(SLICE(":status"), slice_of(status, (size_t)len));
	for (size_t i = 0; i < answer->header_count && count < ANSWER_FIELDS_MAX - 2; i++)
		fields[count++] =
			field(slice_str(answer->headers[i].name), answer->headers[i].value);
	if (answer->date) {
		len = snprintf(length, sizeof(length), "%zu", body_len);
		fields[count++] = field(SLICE("date"), worker_date(sc->worker));
		fields[count++] = field(SLICE("content-length"), slice_of(length, (size_t)len));
	}
	bool has_body = body_len > 0 && !request->base.is_head;
	if ((has_body && !keep_answer(request, answer)) ||
	    nghttp2_submit_response(session, request->stream_id, fields, count,
				    has_body ? &provider : NULL) != 0)
		(void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, request->stream_id,
						NGHTTP2_INTERNAL_ERROR);
	request_wait(request, &sc->answers);
	conn_want_write(sc->conn);
}

void http2_cut(struct request *request)
{
	struct server_conn *sc = request->sc;
	request_wait(request, NULL);
	if (nghttp2_submit_rst_stream(sc->http2.session, NGHTTP2_FLAG_NONE, request->stream_id,
				      NGHTTP2_CANCEL) != 0)
		conn_abort(sc->conn); /* out of memory */
	conn_want_write(sc->conn);
}
