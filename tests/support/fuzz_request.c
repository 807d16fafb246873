/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fuzz_request.h"

#include "tests/support/fuzz_script.h"
#include "tests/support/trace_random.h"

struct slice fuzz_request(struct slice script, struct buf *room)
{
	uint64_t seed = 0;
	if (fuzz_byte(&script) & 1)
		return script;
	struct slice bytes = fuzz_bytes(&script, sizeof(seed));
	if (bytes.len > 0)
		memcpy(&seed, bytes.ptr, bytes.len);
	struct random_shape shape = random_shape_of(seed);
	random_request(&shape, room);
	return buf_slice(room);
}
