/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD: the one way to known random numbers in 3 lines */
#include "tests/support/fuzz_tls.h"

#include "tests/support/fuzz_script.h"
#include "tests/support/net_certificate.h"

#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PEM_BYTES_MAX = 4096 };

static struct {
	int fd;
	char path[32];
	char text[PEM_BYTES_MAX];
} files[FUZZ_TLS_FILE_COUNT];

static uint64_t random_state;

static int random_bytes(unsigned char *out, int len)
{
	for (int i = 0; i < len; i++) {
		random_state = random_state * 6364136223846793005u + 1442695040888963407u;
		out[i] = (unsigned char)(random_state >> 56);
	}
	return 1;
}

static int random_status(void)
{
	return 1;
}

void fuzz_tls_reseed(void)
{
	static const RAND_METHOD method = {
		.bytes = random_bytes, .pseudorand = random_bytes, .status = random_status};
	fuzz_must(RAND_set_rand_method(&method) == 1);
	random_state = 1;
}

static void read_back(enum fuzz_tls_file file)
{
	ssize_t len = pread(files[file].fd, files[file].text, PEM_BYTES_MAX - 1, 0);
	fuzz_must(len > 0);
	files[file].text[len] = 0;
}

static void issue(enum fuzz_tls_file authority_file, enum fuzz_tls_file certificate,
		  enum fuzz_tls_file key)
{
	struct net_authority authority;
	net_authority_init(&authority);
	net_authority_write(&authority, files[authority_file].path);
	net_authority_issue(&authority, "localhost", files[certificate].path, files[key].path);
	net_authority_fini(&authority);
	read_back(authority_file);
	read_back(certificate);
	read_back(key);
}

void fuzz_tls_init(void)
{
	static bool ready;
	if (ready)
		return;
	ready = true;
	(void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write, as in the program */
	fuzz_tls_reseed();
	for (int i = 0; i < FUZZ_TLS_FILE_COUNT; i++) {
		files[i].fd = memfd_create("pem", MFD_CLOEXEC);
		fuzz_must(files[i].fd >= 0);
		(void)snprintf(files[i].path, sizeof(files[i].path), "/proc/self/fd/%d",
			       files[i].fd);
	}
	issue(FUZZ_TLS_AUTHORITY, FUZZ_TLS_CERTIFICATE, FUZZ_TLS_KEY);
	issue(FUZZ_TLS_OTHER_AUTHORITY, FUZZ_TLS_OTHER_CERTIFICATE, FUZZ_TLS_OTHER_KEY);
	fuzz_must(setenv("SSL_CERT_FILE", files[FUZZ_TLS_SPARE].path, 1) == 0);
	fuzz_must(setenv("SSL_CERT_DIR", "/proc/self/fd", 1) == 0);
}

const char *fuzz_tls_path(enum fuzz_tls_file file)
{
	return files[file].path;
}

const char *fuzz_tls_text(enum fuzz_tls_file file)
{
	return files[file].text;
}

void fuzz_tls_write(const char *text)
{
	int fd = files[FUZZ_TLS_SPARE].fd;
	size_t len = strlen(text);
	fuzz_must(ftruncate(fd, 0) == 0 && pwrite(fd, text, len, 0) == (ssize_t)len);
}
