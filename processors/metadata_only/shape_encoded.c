/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An id and a text in base64 look alike; what tells them apart is what they decode to. Twelve bytes
 * made by chance are printable in one of a hundred thousand cases, sixteen in one of ten million.
 */
#include "processors/metadata_only/shape_encoded.h"

#include "pipeline/base/base64.h"
#include "pipeline/base/hex.h"

#include "processors/metadata_only/shape.h"

/* A text as it is decoded, byte by byte: printable ASCII and whole characters of UTF-8. */
struct decoded {
	unsigned missing; /* bytes of the character begun */
	bool failed;
};

static inline void take_byte(struct decoded *d, uint8_t byte)
{
	if (LIKELY(d->missing == 0 && byte >= ' ' && byte < 0x7f))
		return;
	if (d->missing > 0) {
		d->failed |= (byte & 0xc0) != 0x80;
		d->missing--;
	} else if (byte >= 0xc2 && byte <= 0xf4) {
		d->missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
	} else {
		d->failed |= byte >= 0x7f ||
			     (byte < ' ' && byte != '\n' && byte != '\t' && byte != '\r');
	}
}

static bool is_base64_text(struct slice run)
{
	struct decoded d = {0};
	uint32_t bits = 0;
	unsigned count = 0;
	bool capital = false; /* a text of twelve bytes has some in base64 */
	for (size_t i = 0; i < run.len && !d.failed; i++) {
		capital |= ascii_is_upper(run.ptr[i]);
		bits = bits << 6 | base64_value(run.ptr[i]);
		count += 6;
		if (count >= 8) {
			count -= 8;
			take_byte(&d, (uint8_t)(bits >> count));
		}
	}
	return capital && !d.failed;
}

/* Digits alone are a number. */
static bool is_hex_text(struct slice run)
{
	struct decoded d = {0};
	bool letters = false;
	for (size_t i = 0; i + 1 < run.len && !d.failed; i += 2) {
		int high = hex_value(run.ptr[i]), low = hex_value(run.ptr[i + 1]);
		letters |= high > 9 || low > 9;
		take_byte(&d, (uint8_t)(high << 4 | low));
	}
	return letters && !d.failed;
}

/* No checksum has so many of them. */
static bool is_long(struct slice run)
{
	bool small = false, capital = false, digit = false;
	if (run.len <= SHAPE_BASE64_MAX)
		return false;
	for (size_t i = 0; i < run.len; i++) {
		small |= ascii_is_lower(run.ptr[i]);
		capital |= ascii_is_upper(run.ptr[i]);
		digit |= ascii_is_digit(run.ptr[i]);
	}
	return small && capital && digit;
}

bool shape_is_encoded(struct slice run)
{
	if (run.len < SHAPE_ENCODED_MIN)
		return false;
	if (is_long(run) || is_base64_text(run))
		return true;
	size_t hex = 0;
	while (hex < run.len && hex_value(run.ptr[hex]) >= 0)
		hex++;
	return hex == run.len && run.len >= SHAPE_HEX_MIN && is_hex_text(run);
}

/* Judges every longest run of letters, digits and the two characters ${more}. */
static bool runs_hold(struct slice text, const char more[2])
{
	size_t begin = 0;
	for (size_t i = 0; i <= text.len; i++) {
		uint8_t byte = i < text.len ? text.ptr[i] : ' ';
		uint8_t digit = base64_value(byte);
		if (digit < 62 || (digit != BASE64_NONE &&
				   (byte == (uint8_t)more[0] || byte == (uint8_t)more[1])))
			continue;
		if (shape_is_encoded(slice_of(text.ptr + begin, i - begin)))
			return true;
		begin = i + 1;
	}
	return false;
}

bool shape_holds_encoded(struct slice text)
{
	bool url = slice_has_prefix(text, SLICE("data:")) &&
		   (memchr(text.ptr, ',', text.len) || memchr(text.ptr, ';', text.len));
	bool signs = memchr(text.ptr, '+', text.len) || memchr(text.ptr, '/', text.len);
	bool url_signs = memchr(text.ptr, '-', text.len) || memchr(text.ptr, '_', text.len);
	return url || runs_hold(text, "  ") || (signs && runs_hold(text, "+/")) ||
	       (url_signs && runs_hold(text, "-_"));
}
