/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pass over the raw bytes of a header or trailer block, before llhttp sees them. It finds the
 * block's exact end and refuses what two parsers could read differently: bare LF or CR, NUL, folded
 * lines, empty names, a request line that is not "method SP target SP HTTP/…". Keeps its place, so
 * a block may come in any pieces.
 */
#include "pipeline/net/server_internal.h"

/* One byte of the request line: exactly two spaces, and HTTP is the protocol (llhttp would take
 * runs of spaces, and RTSP). */
static bool scan_request_line(struct http1_scan *scan, uint8_t byte)
{
	static const char protocol[] = "HTTP/";
	if (byte == ' ')
		return ++scan->spaces <= 2;
	if (scan->spaces < 2 || scan->protocol_len == sizeof(protocol) - 1)
		return true;
	return byte == (uint8_t)protocol[scan->protocol_len++];
}

enum http1_scan_result http1_scan_block(struct http1_scan *scan, struct slice bytes,
					size_t *ret_len)
{
	for (size_t i = 0; i < bytes.len; i++) {
		uint8_t byte = bytes.ptr[i], previous = scan->previous;
		scan->previous = byte;
		if (byte == 0 || (previous == '\r') != (byte == '\n'))
			return HTTP1_SCAN_BAD; /* NUL; CR or LF without the other */
		if (byte == '\r')
			continue;
		if (byte == '\n') {
			bool empty = scan->line_len == 0;
			scan->line_len = 0;
			if (empty && scan->in_block) {
				*ret_len = i + 1;
				return HTTP1_SCAN_END;
			}
			scan->in_block = scan->in_block || !empty;
			continue;
		}
		/* A fold (RFC 9112 §5.2), white space before the request line, an empty name. */
		if (scan->line_len == 0 && (byte == ' ' || byte == '\t' || byte == ':'))
			return HTTP1_SCAN_BAD;
		if (!scan->in_block && !scan_request_line(scan, byte))
			return HTTP1_SCAN_BAD;
		scan->line_len++;
	}
	*ret_len = bytes.len;
	return HTTP1_SCAN_MORE;
}
