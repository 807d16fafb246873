/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the C library's allocator is used. Bodies and batches are large, live for milliseconds and
 * come back in the same sizes: memory that was just freed is the best there is for the next one,
 * its pages are there and warm. By default the allocator gives such blocks back to the kernel, which
 * then has to find and clear new pages for each. So it keeps them while there is work, and gives
 * them back when there is none.
 */
#ifndef SLUICE_BASE_MEMORY_H
#define SLUICE_BASE_MEMORY_H

/* Sets the allocator up. Before the first thread is made; a second call changes nothing. */
void memory_prepare(void);

/* Gives free memory back to the kernel: a few milliseconds at most. Thread-safe. */
void memory_give_back(void);

#endif
