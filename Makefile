# Sluice. `make` builds bin/sluice; `make run` shows it at work; `make test` proves it.
# Objects of each variant live in build/$(MODE)/, so variants never mix.

MODE ?= release
ifeq ($(origin CC),default)
CC := gcc
endif
PKGS := libnghttp2 libuv libprotobuf-c libzstd libisal yaml-0.1 openssl libpcre2-8
B := build/$(MODE)

# ---- flags ----------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wformat=2 -Wundef -Wswitch-enum -Wwrite-strings -Wcast-qual -Wpointer-arith \
	-Wnull-dereference
WARN_gcc := -Wlogical-op -Wduplicated-cond -Wjump-misses-init -Wcast-align=strict \
	-Wuse-after-free=3 -Wdangling-pointer=2 -Wformat-signedness -Wbidi-chars=any
ifneq (,$(findstring gcc,$(notdir $(CC))))
WARN += $(WARN_gcc)
endif
ifdef CI
WARN += -Werror
endif
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fPIE \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
OPT_release := -O2 -g $(HARDEN)
OPT_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan := -O1 -g -fsanitize=thread
OPT_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link \
	-fno-sanitize-recover=all
OPT_cover := -O0 -g -fprofile-instr-generate -fcoverage-mapping
LINK_release := -pie -Wl,-z,relro,-z,now,-z,noexecstack
LINK_asan := -fsanitize=address,undefined
LINK_tsan := -fsanitize=thread
LINK_fuzz := -fsanitize=address,undefined
LINK_cover := -fprofile-instr-generate
INCLUDES = -I. -I$(B)/gen $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS))) \
	-isystem /usr/share/include
SLUICE_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(INCLUDES) $(OPT_$(MODE)) -MMD -MP
LIBS = $(shell pkg-config --libs $(PKGS)) -lpthread -lm

# ---- what is built --------------------------------------------------------------------------
# The example traces are in the library, because tests send and check them.
EXAMPLES := $(wildcard cmd/example_*.c)
SRCS := $(wildcard pipeline/*/*.c receivers/*/*.c processors/*/*.c exporters/*/*.c extensions/*/*.c) \
	$(EXAMPLES)
CMDS := $(filter-out $(EXAMPLES),$(wildcard cmd/*.c))
PROTOS := $(wildcard proto/*.proto)
GEN := $(PROTOS:proto/%.proto=$(B)/gen/%.pb-c.c)
LLHTTP := $(addprefix $(B)/llhttp/,api.o http.o llhttp.o)
LIB := $(B)/libsluice.a
LIB_OBJS := $(SRCS:%.c=$(B)/%.o) $(GEN:%.c=%.o) $(LLHTTP)
TEST_LIB := $(B)/libtest.a
TEST_LIB_SRCS := $(wildcard tests/support/*.c)
TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*/test_*.c tests/scenario/test_*.c))
FUZZERS := $(wildcard tests/fuzz/fuzz_*.c)
REPLAYS := $(FUZZERS:%.c=$(B)/%.replay)
HEADERS := $(wildcard pipeline/*/*.h receivers/*/*.h processors/*/*.h exporters/*/*.h \
	extensions/*/*.h cmd/*.h)

.PHONY: all deps run test asan tsan fuzz bench interop lint headers install clean build-tests
.DELETE_ON_ERROR:
.SECONDARY:

all: bin/sluice

bin/sluice: $(B)/sluice
	@mkdir -p bin
	cp $< $@

$(B)/sluice: $(CMDS:%.c=$(B)/%.o) $(LIB)
	$(CC) $(LINK_$(MODE)) $(LDFLAGS) -o $@ $^ $(LIBS)

$(LIB): $(LIB_OBJS)
	@rm -f $@
	ar rcs $@ $^

$(TEST_LIB): $(TEST_LIB_SRCS:%.c=$(B)/%.o)
	@rm -f $@
	ar rcs $@ $^

# Generated sources first: any file may include a generated header.
$(SRCS:%.c=$(B)/%.o) $(TEST_LIB_SRCS:%.c=$(B)/%.o) $(TESTS:%=%.o) $(CMDS:%.c=$(B)/%.o): | $(GEN)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(SLUICE_CFLAGS) $(WARN) $(CFLAGS) -c -o $@ $<

$(B)/gen/%.pb-c.c: proto/%.proto
	@mkdir -p $(@D)
	protoc-c -Iproto --c_out=$(B)/gen $<

$(B)/gen/%.o: $(B)/gen/%.c
	$(CC) $(SLUICE_CFLAGS) -w $(CFLAGS) -c -o $@ $<

# Strict mode has to be on the command line: 8.1.0 defaults to the loose parser.
$(B)/llhttp/%.o: /usr/share/llhttp/%.c
	@mkdir -p $(@D)
	$(CC) $(SLUICE_CFLAGS) -DLLHTTP_STRICT_MODE=1 -w $(CFLAGS) -c -o $@ $<

# ---- tests ----------------------------------------------------------------------------------
$(TESTS): $(B)/tests/%: $(B)/tests/%.o $(TEST_LIB) $(LIB)
	$(CC) $(LINK_$(MODE)) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka -ljansson

$(B)/tests/fuzz/%.replay: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay_main.o $(TEST_LIB) $(LIB)
	$(CC) $(LINK_$(MODE)) $(LDFLAGS) -o $@ $^ $(LIBS) -ljansson

build-tests: bin/sluice $(TESTS) $(REPLAYS)

-include $(patsubst %.o,%.d,$(LIB_OBJS)) $(TESTS:%=%.d) $(CMDS:%.c=$(B)/%.d) \
	$(TEST_LIB_SRCS:%.c=$(B)/%.d) $(REPLAYS:%.replay=%.d)

clean:
	rm -rf build bin
