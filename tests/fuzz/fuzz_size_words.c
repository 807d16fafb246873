/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a backend says about size. Whatever stands before and behind a message that speaks of size,
 * and however its letters are written, it still does; and a message says no more in two halves than
 * it does whole.
 */
#include "exporters/otlp/size_words.h"
#include "pipeline/base/buf.h"
#include "tests/support/fuzz_script.h"

#include <ctype.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 16 << 10 };

static bool speaks_in_capitals(struct slice text)
{
	struct buf capitals = BUF_INIT;
	for (size_t i = 0; i < text.len; i++)
		buf_append_byte(&capitals, (uint8_t)toupper(text.ptr[i]));
	fuzz_must(!capitals.failed);
	bool speaks = speaks_of_size(buf_slice(&capitals));
	buf_fini(&capitals);
	return speaks;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > INPUT_BYTES_MAX)
		return 0;
	struct slice text = slice_of(data, size);
	bool speaks = speaks_of_size(text);
	fuzz_must(speaks == speaks_in_capitals(text));
	size_t cut = size > 0 ? data[0] % size : 0;
	struct slice head = slice_of(data, cut), tail = slice_of(data + cut, size - cut);
	fuzz_must(speaks || (!speaks_of_size(head) && !speaks_of_size(tail)));
	return 0;
}
