/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deploy/kubernetes/dashboard.json has the form that Grafana's import asks for: what a dashboard has to
 * say of itself, panels with an id of their own and a place on the grid where no other one is, and in
 * each a query with a name. tests/unit/layout/test_alerts.sh looks at the queries themselves.
 */
#include "pipeline/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>
#include <cmocka.h>

enum { GRID_WIDTH = 24, GRID_HEIGHT_MAX = 100, PANELS_MIN = 15 };

struct place {
	json_int_t x, y, w, h;
};

static json_t *load(void)
{
	json_error_t error;
	json_t *board =
		json_load_file("deploy/kubernetes/dashboard.json", JSON_REJECT_DUPLICATES, &error);
	if (!board)
		fail_msg("line %d: %s", error.line, error.text);
	return board;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	if (!text || !text[0])
		fail_msg("no %s in %s", key, json_dumps(object, JSON_COMPACT));
	return text;
}

static struct place place_of(const json_t *panel)
{
	const json_t *grid = json_object_get(panel, "gridPos");
	struct place place = {json_integer_value(json_object_get(grid, "x")),
			      json_integer_value(json_object_get(grid, "y")),
			      json_integer_value(json_object_get(grid, "w")),
			      json_integer_value(json_object_get(grid, "h"))};
	if (place.w < 1 || place.h < 1 || place.x < 0 || place.x + place.w > GRID_WIDTH ||
	    place.y < 0 || place.y + place.h > GRID_HEIGHT_MAX)
		fail_msg("%s: not on the grid", text_of(panel, "title"));
	return place;
}

static bool overlap(struct place a, struct place b)
{
	return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

static void check_source(const json_t *object, const char *title)
{
	const json_t *source = json_object_get(object, "datasource");
	if (strcmp(text_of(source, "uid"), "${datasource}") != 0)
		fail_msg("%s: not the data source that the user chooses", title);
}

static void check_panel(const json_t *panel)
{
	const char *title = text_of(panel, "title"), *type = text_of(panel, "type");
	if (strcmp(type, "row") == 0)
		return;
	assert_true(strcmp(type, "timeseries") == 0 || strcmp(type, "stat") == 0);
	check_source(panel, title);
	const json_t *targets = json_object_get(panel, "targets"), *target;
	size_t i;
	assert_true(json_array_size(targets) > 0);
	json_array_foreach(targets, i, target)
	{
		text_of(target, "expr");
		const char letter[] = {(char)('A' + i), 0};
		assert_string_equal(text_of(target, "refId"), letter);
	}
	text_of(json_object_get(json_object_get(panel, "fieldConfig"), "defaults"), "unit");
}

static void the_dashboard_names_itself_and_its_source(void **state)
{
	json_t *board = load();
	(void)state;
	text_of(board, "uid");
	text_of(board, "title");
	assert_true(json_is_null(json_object_get(board, "id")) || !json_object_get(board, "id"));
	assert_true(json_integer_value(json_object_get(board, "schemaVersion")) >= 36);
	const json_t *list = json_object_get(json_object_get(board, "templating"), "list");
	const json_t *first = json_array_get(list, 0);
	assert_string_equal(text_of(first, "name"), "datasource");
	assert_string_equal(text_of(first, "type"), "datasource");
	json_decref(board);
}

static void panels_have_ids_places_and_queries(void **state)
{
	json_t *board = load();
	const json_t *panels = json_object_get(board, "panels");
	size_t count = json_array_size(panels);
	(void)state;
	assert_true(count >= PANELS_MIN);
	for (size_t i = 0; i < count; i++) {
		const json_t *panel = json_array_get(panels, i);
		json_int_t id = json_integer_value(json_object_get(panel, "id"));
		assert_true(id > 0);
		check_panel(panel);
		for (size_t k = 0; k < i; k++) {
			const json_t *other = json_array_get(panels, k);
			assert_true(json_integer_value(json_object_get(other, "id")) != id);
			if (overlap(place_of(panel), place_of(other)))
				fail_msg("%s lies on %s", text_of(panel, "title"),
					 text_of(other, "title"));
		}
	}
	json_decref(board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_dashboard_names_itself_and_its_source),
		cmocka_unit_test(panels_have_ids_places_and_queries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
