/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and tags of Jaeger's messages. For the files of this folder alone. */
#ifndef SLUICE_JAEGER_TAGS_H
#define SLUICE_JAEGER_TAGS_H

#include "exporters/jaeger/mapping.h"

/* Borrowed: protobuf-c's messages are not const; nobody writes through this one. */
ProtobufCBinaryData jaeger_bytes(struct slice bytes);

/* As UTF-8, which proto3's strings are: a peer may refuse a request for one that is not. */
ProtobufCBinaryData jaeger_text(struct jaeger_mapping *mapping, struct slice bytes);

/* The value as text: maps and arrays as JSON. */
ProtobufCBinaryData jaeger_value_text(struct jaeger_mapping *mapping, struct value value);

/* Tags of a span or process, fields of a log. There is room for all that may come. */
struct tags {
	Jaeger__KeyValue **at;
	size_t count;
};

/* Room for the attributes of ${owner} and all tags of our own. */
struct tags tags_new(struct jaeger_mapping *mapping, struct owner owner);

/* A tag of ours, a string unless the caller makes it another type. NULL: no room. */
Jaeger__KeyValue *tags_add_own(struct jaeger_mapping *mapping, struct tags *tags,
			       enum jaeger_tag which);

/* The same with its value; nothing for an empty text, for a count of 0. */
void tags_add_text(struct jaeger_mapping *mapping, struct tags *tags, enum jaeger_tag which,
		   struct slice bytes);
void tags_add_count(struct jaeger_mapping *mapping, struct tags *tags, enum jaeger_tag which,
		    uint32_t count);

void tags_add_attribute(struct jaeger_mapping *mapping, struct tags *tags, struct slice key,
			struct value value);

/* All of a span or an event. The status of HTTP goes by its old name, which Jaeger knows. */
void tags_add_attributes(struct jaeger_mapping *mapping, struct tags *tags, struct owner owner);

#endif
