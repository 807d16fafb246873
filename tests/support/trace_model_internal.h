/* SPDX-License-Identifier: Apache-2.0 */
/* The elements of a model by their number in the index: for the files of the model alone. */
#ifndef SLUICE_TEST_TRACE_MODEL_INTERNAL_H
#define SLUICE_TEST_TRACE_MODEL_INTERNAL_H

#include "tests/support/trace_model.h"

Otlp__ResourceSpans *model_resource_at(struct trace_model *model, uint32_t at);
Otlp__ScopeSpans *model_scope_at(struct trace_model *model, uint32_t at);
/* The place of the pointer, which is a hole (NULL) or marked when the element was dropped. */
Otlp__Span **model_span_at(struct trace_model *model, uint32_t at);
Otlp__Span__Event **model_event_at(struct trace_model *model, uint32_t at);
Otlp__Span__Link **model_link_at(struct trace_model *model, uint32_t at);
/* Replaces *${text}; the empty text is protobuf-c's own. */
void model_set_text(char **text, const char *new_text);
bool model_span_is_live(const struct trace_model *model, uint32_t at);

#endif
