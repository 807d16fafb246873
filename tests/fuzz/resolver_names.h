/* SPDX-License-Identifier: Apache-2.0 */
/* The names that a fuzz target asks the resolver for, and the domains that it searches. */
#ifndef SLUICE_TESTS_RESOLVER_NAMES_H
#define SLUICE_TESTS_RESOLVER_NAMES_H

enum { DOMAINS_MAX = 3 };

/* Ordinary ones, another spelling, a name that is complete, one that is too long for a domain; then
 * those that nobody is asked for. */
enum { NAMES = 6, NAMES_KNOWN = 6 };
static const char long_name[] =
	"l23456789012345678901234567890123456789012345678901234567890123.l2345678901234567890123456"
	"7890123456789012345678901234567890123.l234567890123456789012345678901234567890123456789012"
	"34567890123.l23456789012345678901234567890123456789012345678901234";
static const char *const names[NAMES] = {"a", "b", "B", "c.", "d-e", long_name};
static const char *const known[NAMES_KNOWN] = {"localhost", "x.LocalHost.", "127.0.0.1",
					       "::1",	    "10.1.2.3",	    "fe80::1%1"};
static const char *const domain_names[DOMAINS_MAX] = {"one", "two.example", "three"};

#endif
