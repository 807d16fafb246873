/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a connection that may become HTTP/1.1 (or HTTP/2 by its preface). */
#include "tests/fuzz/virtual_clock.h"
#include "tests/support/net_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	net_fuzz_play(slice_of(NULL, 0), slice_of(data, size));
	return 0;
}
