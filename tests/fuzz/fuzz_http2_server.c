/* SPDX-License-Identifier: Apache-2.0 */
/* Frames after the preface of HTTP/2 and empty SETTINGS: HPACK, streams, gRPC framing, codings. */
#include "tests/fuzz/virtual_clock.h"
#include "tests/support/net_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	net_fuzz_play(SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
		      slice_of(data, size));
	return 0;
}
