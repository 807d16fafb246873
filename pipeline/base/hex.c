/* SPDX-License-Identifier: Apache-2.0 */
/* Two digits a byte, high half first. No table for reading: it is done at edges only. */
#include "pipeline/base/hex.h"

bool hex_decode(struct slice digits, uint8_t *out)
{
	for (size_t i = 0; i + 1 < digits.len; i += 2) {
		int high = hex_value(digits.ptr[i]), low = hex_value(digits.ptr[i + 1]);
		if (high < 0 || low < 0)
			return false;
		*out++ = (uint8_t)(high << 4 | low);
	}
	return digits.len % 2 == 0;
}

void hex_encode(struct slice bytes, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < bytes.len; i++) {
		*out++ = digits[bytes.ptr[i] >> 4];
		*out++ = digits[bytes.ptr[i] & 15];
	}
}

int percent_value(struct slice text, size_t at)
{
	uint8_t byte;
	if (text.len - at < 3 || !hex_decode(slice_of(text.ptr + at + 1, 2), &byte))
		return -1;
	return byte;
}
