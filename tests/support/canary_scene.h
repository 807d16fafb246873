/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program with metadata_only before every exporter that there is, and all that comes out of it:
 * what peers, files and the terminal get, the log at level debug, the pages, the last words.
 */
#ifndef SLUICE_TEST_CANARY_SCENE_H
#define SLUICE_TEST_CANARY_SCENE_H

#include "tests/support/canary.h"
#include "tests/support/file_folder.h"
#include "tests/support/json_codec.h"
#include "tests/support/peer_grpc.h"
#include "tests/support/scenario_daemon.h"
#include "tests/support/scenario_http_sink.h"

enum { CANARY_OUTLETS_MAX = 24, CANARY_NUMBERS = 10000 };

struct canary_scene {
	struct peer_grpc
		*grpc[CANARY_OUTLETS_MAX]; /* by outlet, NULL where it is of another kind */
	struct http_sink *http[CANARY_OUTLETS_MAX];
	struct file_folder folder;
	struct daemon *daemon;
	uint16_t grpc_port, http_port, health_port;
	struct buf pages;	    /* of metrics and health, from time to time */
	struct json_codec *json;    /* for senders of JSON */
	bool found[CANARY_NUMBERS]; /* canaries that came out, by number */
	unsigned found_count;	    /* those whose number cannot be read, too */
};

/* Starts everything, metadata_only with ${options} ("mode: strict"). */
void canary_scene_open(struct canary_scene *scene, const char *options);
void canary_scene_close(struct canary_scene *scene);

/* Keeps what the pages of metrics and health say now. */
void canary_scene_read_pages(struct canary_scene *scene);

enum canary_protocol { CANARY_GRPC = 0, CANARY_HTTP, CANARY_JSON, CANARY_PROTOCOLS };

/* Sends ${request} and waits until every exporter is through with it. Over JSON, every span named
 * "chat" is given members that the protocol does not know, with canary 9000. */
void canary_scene_send(struct canary_scene *scene, enum canary_protocol protocol,
		       struct slice request);

/* What all backends answer from now on. Texts are borrowed. */
void canary_scene_answer(struct canary_scene *scene, const struct peer_grpc_behaviour *grpc,
			 const struct http_sink_behaviour *http);

/* Searches all that has come out. Prints each place. */
void canary_scene_search(struct canary_scene *scene);

/* Whether ${text} stands in what each exporter that shows every attribute has put out; prints where
 * it does not. */
bool canary_scene_survived(struct canary_scene *scene, const char *text);

#endif
