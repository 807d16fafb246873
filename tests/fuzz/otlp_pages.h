/* SPDX-License-Identifier: Apache-2.0 */
/* Which web pages may send to the OTLP receiver (the Collector's `cors`), and what they are told. */
#ifndef SLUICE_TESTS_OTLP_PAGES_H
#define SLUICE_TESTS_OTLP_PAGES_H

#include "receivers/otlp/cors.h"
#include "tests/support/fuzz_script.h"

#define PAGE "https://app.example" /* sends all requests */

/* Who may send from a page, and what a preflight and another request are told about PAGE. */
static const struct {
	const char *origin, *header; /* allowed; NULL: none, and those by default */
	const char *preflight, *other;
} pages[4] = {
	{NULL, NULL, "", ""},
	{"https://*.example", NULL, PAGE, PAGE},
	{"*", "x-other", "", "*"},
	{"https://app.example.org", NULL, "", ""},
};

static struct cors_config page_configs[ARRAY_COUNT(pages)];
static struct cors page_cors[ARRAY_COUNT(pages)]; /* made by set_up_pages */

static void set_up_pages(void)
{
	static struct arena arena;
	arena_init(&arena, NULL, 1 << 16);
	for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
		struct cors_config *config = &page_configs[i];
		const struct config_strings origins = {
			.at = (const char **)(uintptr_t)&pages[i].origin, .count = 1};
		const struct config_strings headers = {
			.at = (const char **)(uintptr_t)&pages[i].header, .count = 1};
		if (pages[i].origin)
			config->allowed_origins = origins;
		if (pages[i].header)
			config->allowed_headers = config->exposed_headers = headers;
		config->max_age_s = (uint32_t)i * 60;
		fuzz_must(cors_init(&page_cors[i], config, &arena));
	}
}

#endif
