/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RE2 behind a C interface; the only C++ of the program. An exception must not reach C: RE2 throws
 * none itself, but its allocations can fail, and what is allocated during a search depends on texts
 * of peers. So every entry catches, and says that memory was short.
 */
#include "pipeline/pattern/re2_shim.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

struct re2_engine {
	re2_engine(const re2::StringPiece &pattern, const RE2::Options &options)
	    : re(pattern, options)
	{
	}
	const RE2 re;
};

/* Go's text of the same mistake; both are generated from one grammar. */
static const char *error_text(RE2::ErrorCode code)
{
	switch (code) {
	case RE2::ErrorBadEscape: return "invalid escape sequence";
	case RE2::ErrorBadCharClass: return "invalid character class";
	case RE2::ErrorBadCharRange: return "invalid character class range";
	case RE2::ErrorMissingBracket: return "missing closing ]";
	case RE2::ErrorMissingParen: return "missing closing )";
	case RE2::ErrorUnexpectedParen: return "unexpected )";
	case RE2::ErrorTrailingBackslash: return "trailing backslash at end of expression";
	case RE2::ErrorRepeatArgument: return "missing argument to repetition operator";
	case RE2::ErrorRepeatSize: return "invalid repeat count";
	case RE2::ErrorRepeatOp: return "invalid nested repetition operator";
	case RE2::ErrorBadPerlOp: return "invalid or unsupported Perl syntax";
	case RE2::ErrorBadUTF8: return "invalid UTF-8";
	case RE2::ErrorBadNamedCapture: return "invalid named capture";
	case RE2::ErrorPatternTooLarge: return "expression too large";
	case RE2::NoError:
	case RE2::ErrorInternal: break;
	}
	return "internal error";
}

extern "C" struct re2_engine *re2_engine_new(const uint8_t *pattern, size_t len,
					     size_t memory_bytes, bool groups, char *error,
					     bool *ret_too_large)
{
	*ret_too_large = false;
	try {
		RE2::Options options;
		options.set_log_errors(false);
		options.set_never_capture(!groups);
		options.set_max_mem(static_cast<int64_t>(memory_bytes));
		auto *engine = new re2_engine(
			re2::StringPiece(reinterpret_cast<const char *>(pattern), len), options);
		if (engine->re.ok())
			return engine;
		*ret_too_large = engine->re.error_code() == RE2::ErrorPatternTooLarge;
		const std::string &piece = engine->re.error_arg();
		std::snprintf(error, RE2_ERROR_BYTES, "%s: `%.*s`",
			      error_text(engine->re.error_code()),
			      static_cast<int>(std::min<size_t>(piece.size(), 160)), piece.data());
		delete engine;
	} catch (...) {
		std::snprintf(error, RE2_ERROR_BYTES, "out of memory");
	}
	return nullptr;
}

extern "C" void re2_engine_free(struct re2_engine *engine)
{
	delete engine;
}

extern "C" int re2_engine_search(const struct re2_engine *engine, const uint8_t *text, size_t len)
{
	try {
		re2::StringPiece piece(reinterpret_cast<const char *>(text), len);
		return engine->re.Match(piece, 0, len, RE2::UNANCHORED, nullptr, 0);
	} catch (...) {
		return -1;
	}
}

extern "C" int re2_engine_groups(const struct re2_engine *engine, const uint8_t *text, size_t len,
				 struct re2_part *parts, size_t count)
{
	try {
		re2::StringPiece pieces[1 + RE2_GROUPS_MAX]; /* the whole match comes first */
		re2::StringPiece piece(reinterpret_cast<const char *>(text), len);
		count = std::min<size_t>(count, RE2_GROUPS_MAX);
		if (!engine->re.Match(piece, 0, len, RE2::UNANCHORED, pieces,
				      static_cast<int>(count) + 1))
			return 0;
		for (size_t i = 0; i < count; i++) {
			const re2::StringPiece &group = pieces[i + 1];
			parts[i].off =
				group.data() ? static_cast<size_t>(group.data() - piece.data()) : 0;
			parts[i].len = group.size();
		}
		return 1;
	} catch (...) {
		return -1;
	}
}

extern "C" bool re2_engine_range(const struct re2_engine *engine, uint8_t *low, uint8_t *high,
				 size_t *ret_lens)
{
	try {
		std::string min, max;
		/* One byte less than there is room: the upper bound is rounded up, never longer. */
		if (!engine->re.PossibleMatchRange(&min, &max, RE2_RANGE_BYTES - 1) ||
		    min.size() > RE2_RANGE_BYTES || max.size() > RE2_RANGE_BYTES)
			return false;
		std::memcpy(low, min.data(), min.size());
		std::memcpy(high, max.data(), max.size());
		ret_lens[0] = min.size();
		ret_lens[1] = max.size();
		return true;
	} catch (...) {
		return false;
	}
}
