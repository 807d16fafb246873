/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans, events and links: the loops that run per field. Attributes of a span stand interleaved
 * with its events and links on the wire, and those have attributes of their own; so the span's own
 * fields come first, then its events, then its links, and each element's attributes are contiguous.
 */
#include "pipeline/trace/otlp/index_internal.h"

/* Sets ${ret_off} to an id in [at, end), 0 for an empty one. False when its length is wrong. */
static inline bool take_id(struct walk *walk, const uint8_t *at, const uint8_t *end, size_t id_len,
			   uint32_t *ret_off)
{
	size_t len = (size_t)(end - at);
	if (UNLIKELY(len != id_len && len != 0))
		return false;
	*ret_off = len == 0 ? 0 : walk_off(walk, at);
	return true;
}

static bool walk_status(struct walk *walk, struct span_entry *span, const uint8_t *at,
			const uint8_t *end)
{
	struct walk_seen seen = {0, 0};
	span->status = walk_range(walk, at, end);
	while (at < end) {
		const uint8_t *field = at;
		struct varint tag = read_tag(at, end), word;
		switch (tag.value) {
		case TAG_LEN(STATUS_MESSAGE):
			word = read_len(tag.at, end);
			if (!word.at)
				return index_fail(walk, SCHEMA_STATUS, field, end);
			at = word.at + word.value;
			span->status_message = walk_range(walk, word.at, at);
			walk_see(&seen, STATUS_MESSAGE);
			break;
		case TAG_VARINT(STATUS_CODE):
			word = read_varint(tag.at, end, 10);
			if (!word.at)
				return index_fail(walk, SCHEMA_STATUS, field, end);
			at = word.at;
			span->status_code = (int32_t)word.value;
			walk_see(&seen, STATUS_CODE);
			break;
		default:
			if (!(at = index_skip_unknown(walk, SCHEMA_STATUS, field, end)))
				return false;
		}
	}
	walk_note_repeats(walk, seen);
	return true;
}

static bool walk_event(struct walk *walk, uint32_t event_at)
{
	struct event_entry *event = &walk->index->events[event_at];
	const uint8_t *at = walk->body + event->content.off, *end = at + event->content.len;
	struct walk_seen seen = {0, 0};
	event->name = (struct range){0, 0};
	event->time_ns = 0;
	event->attrs.begin = walk->index->attr_count;
	while (at < end) {
		const uint8_t *field = at;
		struct varint tag = read_tag(at, end), word;
		switch (tag.value) {
		case TAG_LEN(EVENT_NAME):
		case TAG_LEN(EVENT_ATTRIBUTES):
			word = read_len(tag.at, end);
			if (!word.at)
				return index_fail(walk, SCHEMA_EVENT, field, end);
			at = word.at + word.value;
			if (tag.value == TAG_LEN(EVENT_NAME)) {
				event->name = walk_range(walk, word.at, at);
				walk_see(&seen, EVENT_NAME);
			} else if (!walk_attr(walk, OWNER_EVENT, event_at, field, word.at, at)) {
				return false;
			}
			break;
		case TAG_FIXED64(EVENT_TIME_UNIX_NANO):
			if (end - tag.at < 8)
				return index_fail(walk, SCHEMA_EVENT, field, end);
			event->time_ns = le_read64(tag.at);
			at = tag.at + 8;
			walk_see(&seen, EVENT_TIME_UNIX_NANO);
			break;
		case TAG_VARINT(EVENT_DROPPED_ATTRIBUTES_COUNT):
			at = read_varint(tag.at, end, 10).at;
			if (!at)
				return index_fail(walk, SCHEMA_EVENT, field, end);
			walk_see(&seen, EVENT_DROPPED_ATTRIBUTES_COUNT);
			break;
		default:
			if (!(at = index_skip_unknown(walk, SCHEMA_EVENT, field, end)))
				return false;
		}
	}
	event->attrs.count = walk->index->attr_count - event->attrs.begin;
	walk_note_repeats(walk, seen);
	return true;
}

static bool walk_link_bytes(struct walk *walk, uint32_t link_at, uint32_t number,
			    const uint8_t *field, const uint8_t *at, const uint8_t *end)
{
	struct link_entry *link = &walk->index->links[link_at];
	struct range range = walk_range(walk, at, end);
	switch (number) {
	case LINK_TRACE_ID:
		link->trace_id = range;
		return range.len == TRACE_ID_BYTES || range.len == 0 ||
		       index_fail_id(walk, SCHEMA_LINK, field);
	case LINK_SPAN_ID:
		link->span_id = range;
		return range.len == SPAN_ID_BYTES || range.len == 0 ||
		       index_fail_id(walk, SCHEMA_LINK, field);
	case LINK_TRACE_STATE: link->trace_state = range; return true;
	default: return walk_attr(walk, OWNER_LINK, link_at, field, at, end) != NULL;
	}
}

static bool walk_link(struct walk *walk, uint32_t link_at)
{
	struct link_entry *link = &walk->index->links[link_at];
	const uint8_t *at = walk->body + link->content.off, *end = at + link->content.len;
	struct walk_seen seen = {0, 0};
	link->trace_id = link->span_id = link->trace_state = (struct range){0, 0};
	link->attrs.begin = walk->index->attr_count;
	while (at < end) {
		const uint8_t *field = at;
		struct varint tag = read_tag(at, end), word;
		uint32_t number = (uint32_t)tag.value >> 3;
		switch (tag.value) {
		case TAG_LEN(LINK_TRACE_ID):
		case TAG_LEN(LINK_SPAN_ID):
		case TAG_LEN(LINK_TRACE_STATE):
		case TAG_LEN(LINK_ATTRIBUTES):
			word = read_len(tag.at, end);
			if (!word.at)
				return index_fail(walk, SCHEMA_LINK, field, end);
			at = word.at + word.value;
			if (number != LINK_ATTRIBUTES)
				walk_see(&seen, number);
			if (!walk_link_bytes(walk, link_at, number, field, word.at, at))
				return false;
			break;
		case TAG_VARINT(LINK_DROPPED_ATTRIBUTES_COUNT):
			at = read_varint(tag.at, end, 10).at;
			if (!at)
				return index_fail(walk, SCHEMA_LINK, field, end);
			walk_see(&seen, number);
			break;
		case TAG_FIXED32(LINK_FLAGS):
			if (end - tag.at < 4)
				return index_fail(walk, SCHEMA_LINK, field, end);
			at = tag.at + 4;
			walk_see(&seen, number);
			break;
		default:
			if (!(at = index_skip_unknown(walk, SCHEMA_LINK, field, end)))
				return false;
		}
	}
	link->attrs.count = walk->index->attr_count - link->attrs.begin;
	walk_note_repeats(walk, seen);
	return true;
}

/* A length-delimited field of a span other than an attribute, its content in [at, end). Unknown
 * ones are stepped over. */
static inline bool walk_span_bytes(struct walk *walk, struct span_entry *span, uint32_t span_at,
				   uint64_t number, struct walk_seen *seen, const uint8_t *field,
				   const uint8_t *at, const uint8_t *end)
{
	struct range range = walk_range(walk, at, end);
	switch (number) {
	case SPAN_TRACE_ID:
		walk_see(seen, SPAN_TRACE_ID);
		return LIKELY(take_id(walk, at, end, TRACE_ID_BYTES, &span->trace_id_off)) ||
		       index_fail_id(walk, SCHEMA_SPAN, field);
	case SPAN_SPAN_ID:
		walk_see(seen, SPAN_SPAN_ID);
		return LIKELY(take_id(walk, at, end, SPAN_ID_BYTES, &span->span_id_off)) ||
		       index_fail_id(walk, SCHEMA_SPAN, field);
	case SPAN_PARENT_SPAN_ID:
		walk_see(seen, SPAN_PARENT_SPAN_ID);
		return LIKELY(take_id(walk, at, end, SPAN_ID_BYTES, &span->parent_span_id_off)) ||
		       index_fail_id(walk, SCHEMA_SPAN, field);
	case SPAN_TRACE_STATE:
		walk_see(seen, SPAN_TRACE_STATE);
		span->trace_state = range;
		return true;
	case SPAN_NAME:
		walk_see(seen, SPAN_NAME);
		span->name = range;
		return true;
	case SPAN_EVENTS: {
		struct event_entry *event = walk_push_event(walk);
		if (UNLIKELY(!event))
			return false;
		event->field = walk_range(walk, field, end);
		event->content = range;
		event->span = span_at;
		return true;
	}
	case SPAN_LINKS: {
		struct link_entry *link = walk_push_link(walk);
		if (UNLIKELY(!link))
			return false;
		link->field = walk_range(walk, field, end);
		link->content = range;
		link->span = span_at;
		return true;
	}
	case SPAN_STATUS: walk_see(seen, SPAN_STATUS); return walk_status(walk, span, at, end);
	default: return index_skip_unknown(walk, SCHEMA_SPAN, field, end) != NULL;
	}
}

/* A field of a span that is a number, after its tag. The position after it, NULL when wrong. */
static inline const uint8_t *walk_span_number(struct walk *walk, struct span_entry *span,
					      uint64_t tag, struct walk_seen *seen,
					      const uint8_t *field, const uint8_t *at,
					      const uint8_t *end)
{
	struct varint word;
	switch (tag) {
	case TAG_FIXED64(SPAN_START_TIME_UNIX_NANO):
	case TAG_FIXED64(SPAN_END_TIME_UNIX_NANO):
		if (UNLIKELY(end - at < 8))
			break;
		*(tag == TAG_FIXED64(SPAN_START_TIME_UNIX_NANO) ? &span->start_ns : &span->end_ns) =
			le_read64(at);
		walk_see(seen, (uint32_t)tag >> 3);
		return at + 8;
	case TAG_FIXED32(SPAN_FLAGS):
		if (UNLIKELY(end - at < 4))
			break;
		span->flags = le_read32(at);
		walk_see(seen, SPAN_FLAGS);
		return at + 4;
	case TAG_VARINT(SPAN_KIND):
	case TAG_VARINT(SPAN_DROPPED_ATTRIBUTES_COUNT):
	case TAG_VARINT(SPAN_DROPPED_EVENTS_COUNT):
	case TAG_VARINT(SPAN_DROPPED_LINKS_COUNT):
		word = read_varint(at, end, 10);
		if (UNLIKELY(!word.at))
			break;
		if (tag == TAG_VARINT(SPAN_KIND))
			span->kind = (int32_t)word.value;
		walk_see(seen, (uint32_t)tag >> 3);
		return word.at;
	default: return index_skip_unknown(walk, SCHEMA_SPAN, field, end);
	}
	(void)index_fail(walk, SCHEMA_SPAN, field, end);
	return NULL;
}

static bool walk_events_and_links(struct walk *walk, const struct span_entry *span)
{
	uint32_t event_end = span->event_begin + span->event_count;
	for (uint32_t event = span->event_begin; event < event_end; event++) {
		if (!walk_event(walk, event))
			return false;
	}
	uint32_t link_end = span->link_begin + span->link_count;
	for (uint32_t link = span->link_begin; link < link_end; link++) {
		if (!walk_link(walk, link))
			return false;
	}
	return true;
}

/* Member by member: gcc clears a compound literal of this size with a slow string instruction. */
static inline void span_begin(const struct walk *walk, struct span_entry *span, struct range field,
			      struct range content)
{
	const struct range none = {0, 0};
	span->field = field;
	span->content = content;
	span->name = span->trace_state = span->status = span->status_message = none;
	span->trace_id_off = span->span_id_off = span->parent_span_id_off = 0;
	span->start_ns = span->end_ns = 0;
	span->attrs.begin = walk->index->attr_count;
	span->event_begin = walk->index->event_count;
	span->link_begin = walk->index->link_count;
	span->kind = span->status_code = 0;
	span->flags = 0;
}

/* The eight bytes at ${off}; 0 when there is no id there. */
static inline uint64_t id_word(const struct walk *walk, uint32_t off)
{
	uint64_t word = 0;
	if (off != 0)
		memcpy(&word, walk->body + off, sizeof(word));
	return word;
}

static inline bool has_usable_ids(const struct walk *walk, const struct span_entry *span)
{
	uint32_t trace_id = span->trace_id_off, parent_id = span->parent_span_id_off;
	uint64_t low = trace_id != 0 ? id_word(walk, trace_id + 8) : 0;
	return (id_word(walk, trace_id) | low) != 0 && id_word(walk, span->span_id_off) != 0 &&
	       (parent_id == 0 || id_word(walk, parent_id) != 0);
}

bool index_walk_span(struct walk *walk, uint32_t scope, const uint8_t *field, const uint8_t *at,
		     const uint8_t *end)
{
	struct trace_index *index = walk->index;
	struct span_entry *span = walk_push_span(walk);
	if (UNLIKELY(!span))
		return false;
	uint32_t span_at = index->span_count - 1;
	span_begin(walk, span, walk_range(walk, field, end), walk_range(walk, at, end));
	span->scope = scope;
	struct walk_seen seen = {0, 0};
	uint64_t key_mask = 0;
	while (at < end) {
		field = at;
		struct varint tag = read_tag(at, end);
		if (UNLIKELY(!tag.at))
			return index_fail(walk, SCHEMA_SPAN, field, end);
		if ((tag.value & 7) != WIRE_LEN) {
			at = walk_span_number(walk, span, tag.value, &seen, field, tag.at, end);
			if (UNLIKELY(!at))
				return false;
			continue;
		}
		struct varint len = read_len(tag.at, end);
		if (UNLIKELY(!len.at))
			return index_fail(walk, SCHEMA_SPAN, field, end);
		at = len.at + len.value;
		if (LIKELY(tag.value == TAG_LEN(SPAN_ATTRIBUTES))) {
			struct attr_entry *attr =
				walk_attr(walk, OWNER_SPAN, span_at, field, len.at, at);
			if (UNLIKELY(!attr))
				return false;
			key_mask |= key_mask_bit(attr->key_id);
		} else if (!walk_span_bytes(walk, span, span_at, tag.value >> 3, &seen, field,
					    len.at, at)) {
			return false;
		}
	}
	walk_note_repeats(walk, seen);
	span->key_mask = key_mask;
	index->ids_usable &= has_usable_ids(walk, span);
	span->attrs.count = index->attr_count - span->attrs.begin;
	span->event_count = index->event_count - span->event_begin;
	span->link_count = index->link_count - span->link_begin;
	return walk_events_and_links(walk, span);
}
