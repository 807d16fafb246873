/* SPDX-License-Identifier: Apache-2.0 */
/* A task of the loop: each run takes a slice and posts itself again until the body is through. */
#include "receivers/otlp/transcoding.h"

#include "pipeline/trace/otlp_json/json_decode.h"

static void finish(struct transcoding *transcoding, struct chunk *body, const struct err *err)
{
	struct transcoding_losses losses = {0};
	if (body)
		losses = (struct transcoding_losses){
			.replaced = json_decoder_replaced(transcoding->decoder),
			.unknown = json_decoder_unknown(transcoding->decoder)};
	json_decoder_free(transcoding->decoder);
	chunk_unref(transcoding->json);
	transcoding->done(transcoding, body, losses, err);
}

static void run_slice(struct loop_task *task)
{
	struct transcoding *transcoding = CONTAINER_OF(task, struct transcoding, task);
	ASSERT_ON_LOOP(transcoding->loop);
	const struct chunk *json = transcoding->json;
	size_t left = json->len - transcoding->at;
	size_t len = left < TRANSCODING_SLICE_BYTES ? left : TRANSCODING_SLICE_BYTES;
	struct slice slice = slice_of(json->data + transcoding->at, len);
	struct err err = {.kind = ERR_NONE};
	transcoding->at += len;
	if (transcoding->cancelled || json_decoder_feed(transcoding->decoder, slice, &err) != 0)
		finish(transcoding, NULL, &err);
	else if (transcoding->at < json->len)
		loop_defer(transcoding->loop, task);
	else
		finish(transcoding, json_decoder_take(transcoding->decoder, &err), &err);
}

void transcoding_start(struct transcoding *transcoding, struct loop *loop, struct budget *budget,
		       struct chunk *json,
		       void (*done)(struct transcoding *transcoding, struct chunk *body,
				    struct transcoding_losses losses, const struct err *err))
{
	struct err err;
	*transcoding = (struct transcoding){.task = {.run = run_slice},
					    .loop = loop,
					    .decoder = json_decoder_new(budget),
					    .json = json,
					    .done = done};
	if (transcoding->decoder) {
		run_slice(&transcoding->task);
		return;
	}
	(void)err_set(&err, ERR_NOMEM, "no memory for a request in JSON");
	finish(transcoding, NULL, &err);
}

void transcoding_cancel(struct transcoding *transcoding)
{
	transcoding->cancelled = true;
}
