/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of a condition and of the evaluation scratch. A condition and its nodes are in the caller's
 * arena; only compiled expressions are on the heap, so they alone are freed. A scratch belongs to
 * one shard.
 */
#include "pipeline/ottl/explain.h"
#include "pipeline/ottl/parser.h"

#include <stdlib.h>

enum { QUOTED_TEXT_MAX = 160 };

/* Puts the Collector's frame around the message: the condition as a Go string literal, cut when it
 * would push the message itself out of the error. */
static void frame_error(const char *noun, struct slice text, struct err *err)
{
	char quoted[QUOTED_TEXT_MAX + 8];
	size_t used = 0;
	for (size_t i = 0; i < text.len && used < QUOTED_TEXT_MAX; i++) {
		uint8_t byte = text.ptr[i];
		if (byte == '"' || byte == '\\' || byte == '\n' || byte == '\t')
			quoted[used++] = '\\';
		quoted[used++] = byte == '\n'	? 'n'
				 : byte == '\t' ? 't'
				 : byte < 0x20	? '?'
						: (char)byte;
		if (used >= QUOTED_TEXT_MAX && i + 1 < text.len) {
			while (used > 0 && ((uint8_t)quoted[used - 1] & 0xc0) == 0x80)
				used--; /* not in the middle of a character */
			used -= used > 0 && ((uint8_t)quoted[used - 1] & 0x80) != 0;
			memcpy(quoted + used, "...", 3);
			used += 3;
			break;
		}
	}
	uint64_t offset = err->offset;
	(void)err_wrap(err, "unable to parse OTTL %s \"%.*s\"", noun, (int)used, quoted);
	err->offset = offset;
}

static const struct ottl_condition *parse(struct slice text, enum parser_goal goal,
					  enum ottl_context context, struct key_table *keys,
					  struct arena *arena, struct err *err)
{
	const char *noun = goal == PARSER_VALUE ? "value expression" : "condition";
	struct err unwanted = {0};
	struct err *failure = err ? err : &unwanted;
	struct ottl_scratch *scratch = ottl_scratch_new(NULL);
	struct ottl_condition *condition = arena_calloc(arena, 1, sizeof(*condition));
	struct err mine = {0};
	int parsed = -1;
	if (!scratch || !condition) {
		err_set(&mine, ERR_NOMEM, "no memory for a %s", noun);
	} else if (text.len > OTTL_CONDITION_BYTES_MAX) {
		err_set(&mine, ERR_CONFIG, "%s is longer than %d bytes", noun,
			OTTL_CONDITION_BYTES_MAX);
	} else {
		parsed = parser_parse(text, goal, context, keys, arena, scratch, condition, &mine);
	}
	ottl_scratch_free(scratch);
	if (parsed == 0)
		return condition;
	if (condition)
		regex_list_free(condition->regexes);
	frame_error(noun, text, &mine);
	*failure = mine;
	return NULL;
}

const struct ottl_condition *ottl_parse(struct slice text, enum ottl_context context,
					struct key_table *keys, struct arena *arena,
					struct err *err)
{
	return parse(text, PARSER_CONDITION, context, keys, arena, err);
}

const struct ottl_value *ottl_value_parse(struct slice text, enum ottl_context context,
					  struct key_table *keys, struct arena *arena,
					  struct err *err)
{
	struct ottl_value *value = arena_calloc(arena, 1, sizeof(*value));
	if (!value) {
		err_set(err, ERR_NOMEM, "no memory for a value expression");
		return NULL;
	}
	value->expression = parse(text, PARSER_VALUE, context, keys, arena, err);
	return value->expression ? value : NULL;
}

void ottl_value_free(const struct ottl_value *value)
{
	if (value)
		ottl_condition_free(value->expression);
}

void ottl_condition_free(const struct ottl_condition *condition)
{
	if (condition)
		regex_list_free(condition->regexes);
}

enum ottl_context ottl_condition_context(const struct ottl_condition *condition)
{
	return condition->context;
}

struct ottl_scratch *ottl_scratch_new(struct budget *budget)
{
	struct ottl_scratch *scratch = calloc(1, sizeof(*scratch));
	if (!scratch)
		return NULL;
	arena_init(&scratch->texts, budget, EVAL_TEXT_BYTES_MAX);
	if (regex_scratch_init(&scratch->regex) != 0) {
		ottl_scratch_free(scratch);
		return NULL;
	}
	return scratch;
}

void ottl_scratch_free(struct ottl_scratch *scratch)
{
	if (!scratch)
		return;
	regex_scratch_fini(&scratch->regex);
	pattern_cache_fini(&scratch->patterns);
	arena_fini(&scratch->texts);
	buf_fini(&scratch->building);
	free(scratch);
}
