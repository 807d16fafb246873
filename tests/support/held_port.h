/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports that nobody else gets. A port that was only looked up and given back may be another program's
 * a moment later: a second copy of the tests meets the wrong server then.
 */
#ifndef SLUICE_TESTS_HELD_PORT_H
#define SLUICE_TESTS_HELD_PORT_H

#include <stdint.h>

/*
 * A TCP port of 127.0.0.1 that this program keeps until it ends: connections to it are refused, the
 * kernel gives it to nobody who asks for any free port. Who sets SO_REUSEADDR (peers, Sluice, a
 * Collector) can listen there, go away, and come back. Never fails: the program is aborted when
 * there is no socket to be had. One file descriptor each.
 */
uint16_t held_port(void);

#endif
