# Sluice. `make` builds bin/sluice; `make run` shows it at work; `make test` proves it.
# Objects of each variant live in build/$(MODE)/, so variants never mix.

MODE ?= release
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := $(if $(findstring clang,$(notdir $(CC))),clang++,g++)
endif
PKGS := libnghttp2 libuv libcares libprotobuf-c libzstd libisal snappy liblz4 yaml-0.1 openssl
B := build/$(MODE)
PKG_CONFIG := pkg-config
ifdef CROSS
include tests/cross/cross.mk
endif

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
# Protection of jumps and returns by the processor: each has its own option, or none.
machine := $(shell $(CC) -dumpmachine 2>/dev/null)
HARDEN_JUMPS := $(if $(filter x86_64-%,$(machine)),-fcf-protection=full) \
	$(if $(filter aarch64-%,$(machine)),-mbranch-protection=standard)
HARDEN := -fstack-protector-strong -fstack-clash-protection $(HARDEN_JUMPS) -fPIE \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
# The shipped program and what measures it. Tests run the same without NDEBUG: with its assertions.
OPT_check := -O2 -g $(HARDEN)
# The shipped one is the same, to the byte, in whatever folder it is compiled.
OPT_release := $(OPT_check) -DNDEBUG -ffile-prefix-map=$(CURDIR)=.
OPT_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan := -O1 -g -fsanitize=thread
OPT_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link \
	-fno-sanitize-recover=all
OPT_cover := -O0 -g -fprofile-instr-generate -fcoverage-mapping
LINK_release := -pie -Wl,-z,relro,-z,now,-z,noexecstack
LINK_check := $(LINK_release)
LINK_asan := -fsanitize=address,undefined
LINK_tsan := -fsanitize=thread
LINK_fuzz := -fsanitize=address,undefined
LINK_cover := -fprofile-instr-generate
# Asked once and only when something is compiled: `make deps` has to run before pkg-config is there.
as_system = $(patsubst -I%,-isystem %,$(1))
PKG_CFLAGS = $(eval PKG_CFLAGS := $(call as_system,$(shell $(PKG_CONFIG) --cflags $(PKGS))))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS)))$(PKG_LIBS)
# Debian puts llhttp.h, which its own sources include without a folder, under /usr/share.
INCLUDES = -I. -I$(B)/gen $(PKG_CFLAGS) -isystem /usr/share/include \
	-isystem /usr/share/include/llhttp
SLUICE_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(INCLUDES) $(OPT_$(MODE)) -MMD -MP
# RE2 is C++: so is one file of ours, and only that one.
CXX_CFLAGS = -std=c++17 -I. $(OPT_$(MODE)) -fno-rtti -fvisibility=hidden -MMD -MP
CXX_WARN := -Wall -Wextra -Wshadow -Wconversion $(if $(CI),-Werror)
# RE2 itself statically in what is shipped. Not its runtime: libsnappy brings libstdc++ along, and a
# process has one.
RE2_LIBS := -lre2 -lstdc++
RE2_LIBS_release := -Wl,-Bstatic -lre2 -Wl,-Bdynamic -lstdc++
RE2_LIBS_check := $(RE2_LIBS_release)
LIBS = $(PKG_LIBS) $(or $(RE2_LIBS_$(MODE)),$(RE2_LIBS)) -lcrypt -lpthread -lm

# ---- what is built --------------------------------------------------------------------------
CXX_SRCS := pipeline/pattern/re2_shim.cc
SRCS := $(wildcard pipeline/*/*.c pipeline/trace/*/*.c receivers/*/*.c processors/*/*.c exporters/*/*.c connectors/*/*.c \
	extensions/*/*.c)
CMDS := $(wildcard cmd/*.c)
PROTOS := $(wildcard proto/*.proto)
GEN := $(PROTOS:proto/%.proto=$(B)/gen/%.pb-c.c)
LLHTTP := $(addprefix $(B)/llhttp/,api.o http.o llhttp.o)
MAIN := $(B)/cmd/sluice.o
LIB := $(B)/libsluice.a
# The subcommands are in the library, too, so that tests reach them and their parts.
LIB_OBJS := $(SRCS:%.c=$(B)/%.o) $(filter-out $(MAIN),$(CMDS:%.c=$(B)/%.o)) $(GEN:%.c=%.o) $(LLHTTP) \
	$(CXX_SRCS:%.cc=$(B)/%.o)
TEST_LIB := $(B)/libtest.a
TEST_LIB_SRCS := $(wildcard tests/support/*.c)
# T=text narrows what `make test` runs to the names that contain it.
T ?=
narrow = $(if $(T),$(foreach name,$(1),$(if $(findstring $(T),$(name)),$(name))),$(1))
TEST_SRCS := $(wildcard tests/unit/*/test_*.c tests/scenario/test_*.c)
# Sanitizers bring their own allocator: what counts allocations is a test of the release build.
COUNTS_ALLOCATIONS := tests/unit/trace/test_allocation tests/unit/pattern/test_no_memory \
	tests/unit/delivery/test_memory
TESTS := $(call narrow,$(TEST_SRCS:%.c=$(B)/%))
ifdef CROSS
TESTS := $(filter-out $(NOT_EMULATED:%=$(B)/%),$(TESTS))
endif
ifneq (,$(filter asan tsan,$(MODE)))
TESTS := $(filter-out $(COUNTS_ALLOCATIONS:%=$(B)/%),$(TESTS))
endif
# What is shipped is no sanitizer build: neither its libraries nor its user are the image's.
OF_THE_SHIPPED := $(if $(filter asan tsan,$(MODE)),tests/unit/layout/test_packaging.sh)
TEST_SCRIPTS := $(if $(CROSS),,$(filter-out $(OF_THE_SHIPPED),$(call narrow,$(wildcard tests/unit/*/test_*.sh))))
FUZZERS := $(call narrow,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS := $(FUZZERS:%.c=$(B)/%.replay)
FUZZ_BINS := $(FUZZERS:%.c=$(B)/%)
BENCHES := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
DIFFER := $(B)/tests/interop/differ/differ
HEADERS := $(wildcard pipeline/*/*.h pipeline/trace/*/*.h receivers/*/*.h processors/*/*.h exporters/*/*.h \
	connectors/*/*.h extensions/*/*.h cmd/*.h tests/support/*.h)
FORMATTED := $(SRCS) $(CXX_SRCS) $(CMDS) $(HEADERS) $(TEST_LIB_SRCS) $(wildcard tests/unit/*/*.[ch] \
	tests/scenario/*.[ch] tests/fuzz/*.[ch] tests/bench/*.[ch] \
	tests/interop/differ/*.c)

.PHONY: all docs deps run test asan tsan fuzz bench interop lint headers install clean build-tests FORCE \
	run-tests run-fuzz format lint-format lint-tidy lint-cppcheck
# One short line per command; V=1 shows the commands themselves.
ifndef V
short = @printf '%-6s %s\n' $(1) $@;
endif

.DELETE_ON_ERROR:
.SECONDARY:

all: $(if $(CROSS),$(B)/sluice,bin/sluice)

# Replaced as a whole: it may be running.
bin/sluice: build/release/sluice
	@mkdir -p bin
	@cp $< $@.new
	@mv -f $@.new $@

$(B)/sluice: $(MAIN) $(LIB)
	$(call short,LINK)$(CC) $(LINK_$(MODE)) $(LDFLAGS) -o $@ $^ $(LIBS)

$(LIB): $(LIB_OBJS) $(B)/objects.list
	@rm -f $@
	$(call short,AR)$(AR) rcs $@ $(LIB_OBJS)

# Written only when it changes: a source file that went away must leave the library, too.
$(B)/objects.list: FORCE
	@mkdir -p $(@D)
	@echo '$(LIB_OBJS)' | cmp -s - $@ || echo '$(LIB_OBJS)' >$@

$(TEST_LIB): $(TEST_LIB_SRCS:%.c=$(B)/%.o)
	@mkdir -p $(@D)
	@rm -f $@
	$(call short,AR)$(AR) rcs $@ $^

# Said once and in words, in place of the first command that is not found.
.PHONY: packages commands
COMMANDS := pkg-config protoc-c $(firstword $(CC)) $(firstword $(CXX)) $(if $(CROSS),mmdebstrap)
or_ask = || { echo "packages are missing that Sluice is built with: run \`make deps\`" >&2; exit 1; }
commands:
	@type $(COMMANDS) >/dev/null 2>&1 $(or_ask)
packages: commands
	@$(PKG_CONFIG) --exists $(PKGS) re2 && test -e /usr/share/llhttp/llhttp.c $(or_ask)

$(GEN) $(LLHTTP) $(LIB_OBJS) $(MAIN): | packages

# Generated sources first: any file may include a generated header.
$(SRCS:%.c=$(B)/%.o) $(TEST_LIB_SRCS:%.c=$(B)/%.o) $(TEST_SRCS:%.c=$(B)/%.o) \
	$(FUZZERS:%.c=$(B)/%.o) $(BENCHES:%=%.o) $(DIFFER).o $(CMDS:%.c=$(B)/%.o): | $(GEN)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call short,CC)$(CC) $(SLUICE_CFLAGS) $(WARN) $(CFLAGS) -c -o $@ $<

$(B)/%.o: %.cc
	@mkdir -p $(@D)
	$(call short,CXX)$(CXX) $(CXX_CFLAGS) $(CXX_WARN) $(CXXFLAGS) -c -o $@ $<

$(B)/cmd/local.o: configs/dev.yaml # a part of the program

# What `sluice --version` says after the number: the commit, and whether the tree was changed since.
# Empty outside of git, as in a source archive.
COMMIT = $(shell git describe --tags --match 'v*' --always --dirty 2>/dev/null)
$(B)/commit: FORCE
	@mkdir -p $(@D)
	@echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' >$@
$(B)/cmd/version.o: $(B)/commit
$(B)/cmd/version.o: SLUICE_CFLAGS += -DSLUICE_COMMIT='"$(COMMIT)"'

$(B)/gen/%.pb-c.c: proto/%.proto
	@mkdir -p $(@D)
	$(call short,PROTO)protoc-c -Iproto --c_out=$(B)/gen $<

$(B)/gen/%.o: $(B)/gen/%.c
	$(call short,CC)$(CC) $(SLUICE_CFLAGS) -w $(CFLAGS) -c -o $@ $<

# Strict mode has to be on the command line: 8.1.0 defaults to the loose parser.
$(B)/llhttp/%.o: /usr/share/llhttp/%.c
	@mkdir -p $(@D)
	$(call short,CC)$(CC) $(SLUICE_CFLAGS) -DLLHTTP_STRICT_MODE=1 -w $(CFLAGS) -c -o $@ $<

-include $(patsubst %.o,%.d,$(LIB_OBJS)) $(MAIN:.o=.d) $(TEST_SRCS:%.c=$(B)/%.d) \
	$(TEST_LIB_SRCS:%.c=$(B)/%.d) $(FUZZERS:%.c=$(B)/%.d) $(BENCHES:%=%.d) $(DIFFER).d \
	$(B)/tests/fuzz/replay_main.d $(HEADERS:%=$(B)/%.alone.d)

# ---- running --------------------------------------------------------------------------------
# Targets that install packages go through make again: only then can it see what was installed.
# They use all CPUs unless told otherwise with -j.
AGAIN = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
DEPS = .ci/install-packages

deps:
	@$(DEPS)

# The pages that are printed from the program's own tables: tests compare them, or write them.
PAGE_TESTS := $(basename $(notdir $(shell grep -l generated_page $(TEST_SRCS))))
docs: bin/sluice
	bin/sluice components --markdown > docs/components.md
	+@for page in $(PAGE_TESTS); do SLUICE_UPDATE=1 $(AGAIN) test T=$$page || exit 1; done

run:
	@$(DEPS) build
	+@$(AGAIN) MODE=release all
	@bin/sluice demo

# ---- tests ----------------------------------------------------------------------------------
$(TESTS): $(B)/tests/%: $(B)/tests/%.o $(TEST_LIB) $(LIB)
	$(call short,LINK)$(CC) $(LINK_$(MODE)) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka -ljansson

# The whole library, so that coverage also counts the files that no target reaches. A target may
# stand in for a part of it (connections, for one): its own definition comes first and wins.
$(REPLAYS): %.replay: %.o $(B)/tests/fuzz/replay_main.o $(TEST_LIB) $(LIB)
	$(call short,LINK)$(CC) $(LINK_$(MODE)) $(LDFLAGS) -o $@ $(filter-out $(LIB),$^) \
		-Wl,-z,muldefs -Wl,--whole-archive $(LIB) -Wl,--no-whole-archive $(LIBS) -lcmocka -ljansson

# Against hangs only: a busy machine under a sanitizer needs minutes for what takes seconds alone.
TEST_TIMEOUT ?= 600
# Under ThreadSanitizer the tests without threads of their own would prove nothing and cost minutes.
THREADED := $(if $(TEST_SRCS),$(shell grep -l -e '<pthread.h>' -e '<threads.h>' -e uv_thread \
	$(TEST_SRCS)))
TESTS_tsan = $(filter $(B)/tests/scenario/% $(addprefix $(B)/tests/unit/,net/% delivery/% graph/%) \
	$(THREADED:%.c=$(B)/%),$(TESTS))
TESTS_all = $(TESTS) $(TEST_SCRIPTS) $(REPLAYS)
SHARDS := 1 3
SHARDS_tsan := 3
# What runs: TSan has its own choice, every other mode runs all.
chosen = $(or $($(1)_$(MODE)),$(2))

PROGRAM := $(if $(wildcard cmd/sluice.c),$(B)/sluice$(if $(CROSS),.emulated))
build-tests: $(PROGRAM) $(call chosen,TESTS,$(TESTS_all))

run-tests: build-tests
	@SLUICE_BIN=$(CURDIR)/$(PROGRAM) SLUICE_BUILD=$(CURDIR)/$(B) CC="$(CC)" \
		tests/run --timeout $(TEST_TIMEOUT) --shards "$(call chosen,SHARDS,$(SHARDS))" \
		--emulator "$(EMULATOR)" \
		$(call chosen,TESTS,$(TESTS_all))

test:
	@$(DEPS) build test
	+@$(AGAIN) MODE=$(MODE:release=check) run-tests

asan tsan:
	+@$(AGAIN) MODE=$@ test

# ---- fuzzing --------------------------------------------------------------------------------
FUZZ_SECONDS ?= 60
FUZZ_COVER_MIN ?= 85
# Folders with all below them; files where the rest of the folder is set-up that no input reaches.
FUZZ_COVERED := pipeline/trace pipeline/net pipeline/ottl pipeline/pattern pipeline/config \
	pipeline/delivery exporters/file extensions/health_check \
	$(addprefix pipeline/graph/,flow.c batch_stage.c stop.c) \
	$(addprefix receivers/otlp/,request.c transcoding.c)

$(FUZZ_BINS): %: %.o $(TEST_LIB) $(LIB)
	$(call short,LINK)$(CC) $(LINK_$(MODE)),fuzzer $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka -ljansson

# New inputs and findings stay in build/; seeds and dictionary come from the tree. A target that stops
# leaves its name, and the others go on: what was found is listed at the end, with the inputs.
$(FUZZ_BINS:%=%.fuzzed): %.fuzzed: %
	@mkdir -p $(B)/corpus/$(*F)
	@rm -f $@.stopped
	@echo "fuzz: $(*F) for $(FUZZ_SECONDS) s"
	@$< -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -verbosity=0 \
		-print_final_stats=1 -artifact_prefix=$(B)/$(*F)- \
		$(patsubst %,-dict=%,$(wildcard tests/fuzz/$(patsubst fuzz_%,%,$(*F)).dict)) \
		$(B)/corpus/$(*F) tests/fuzz/corpus/$(patsubst fuzz_%,%,$(*F)) >$@.log 2>&1 || \
		echo "$(*F)" >$@.stopped
	@cat $@.log

run-fuzz: $(FUZZ_BINS:%=%.fuzzed)
	@tests/fuzz/findings $(FUZZ_BINS:%=%.fuzzed)

fuzz:
	@$(DEPS) build test fuzz
	+@$(AGAIN) MODE=fuzz CC=clang run-fuzz
	+@$(AGAIN) MODE=cover CC=clang cover

.PHONY: cover
cover: $(REPLAYS)
	@tests/fuzz/coverage $(FUZZ_COVER_MIN) $(B)/cover "$(FUZZ_COVERED)" $(REPLAYS)

# ---- bench, interop -------------------------------------------------------------------------
$(BENCHES) $(DIFFER): $(B)/tests/%: $(B)/tests/%.o $(TEST_LIB) $(LIB)
	$(call short,LINK)$(CC) $(LINK_$(MODE)) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka -ljansson

.PHONY: run-bench run-interop
run-bench: bin/sluice $(BENCHES)
	@SLUICE_BIN=$(CURDIR)/bin/sluice SLUICE_BUILD=$(CURDIR)/$(B) tests/bench/run

bench:
	@$(DEPS) build test bench
	+@$(AGAIN) MODE=release run-bench

.PHONY: gate run-gate
run-gate: $(addprefix $(B)/tests/bench/bench_,trace policy langfuse)
	@SLUICE_BUILD=$(CURDIR)/$(B) tests/bench/gate $(GATE)

gate:
	@$(DEPS) build test gate
	+@$(AGAIN) MODE=release run-gate

run-interop: bin/sluice $(DIFFER)
	@SLUICE_BIN=$(CURDIR)/bin/sluice SLUICE_BUILD=$(CURDIR)/$(B) tests/interop/run

interop:
	@$(DEPS) build test interop
	+@$(AGAIN) MODE=release run-interop

# ---- mutants --------------------------------------------------------------------------------
# Faults put into hot files one at a time: do the tests notice?
MUTANT_TESTS = $(addprefix $(B)/,$(shell tests/mutants/run --tests))
.PHONY: mutants run-mutants
run-mutants: $(MUTANT_TESTS)
	@MUTANT_COMPILE='$(CC) $(SLUICE_CFLAGS) ' MUTANT_LINK='$(CC) $(LINK_$(MODE))' \
		MUTANT_LIBRARIES='$(TEST_LIB) $(LIB) $(LIBS) -lcmocka -ljansson' \
		SLUICE_BUILD=$(CURDIR)/$(B) tests/mutants/run --build $(B) $(MUTANTS)

mutants:
	@$(DEPS) build test mutants
	+@$(AGAIN) MODE=check run-mutants

# ---- lint -----------------------------------------------------------------------------------
# Each file's own stamp: a second run looks at what changed since. LINT_SECONDS=N begins no analysis
# after N seconds and says what is left for the next run.
TIDY := $(patsubst %.c,$(B)/%.tidy,$(SRCS) $(CMDS))
LINT_LEFT := $(B)/lint-left

lint:
	@$(DEPS) build test lint
	@rm -f $(LINT_LEFT)
	+@LINT_UNTIL=$(if $(LINT_SECONDS),$$(($$(date +%s) + $(LINT_SECONDS)))) \
		$(AGAIN) lint-format lint-tidy lint-cppcheck headers
	@test ! -e $(LINT_LEFT) || \
		echo "lint: $$(wc -l <$(LINT_LEFT)) files are left for the next run: $(LINT_LEFT)"

format:
	@clang-format -i $(FORMATTED)

lint-format:
	@clang-format --dry-run -Werror $(FORMATTED)

lint-tidy: $(TIDY)
$(TIDY): $(B)/%.tidy: %.c .clang-tidy $(HEADERS) | $(GEN)
	@mkdir -p $(@D)
	$(call short,TIDY)LEFT=$(LINT_LEFT) CC="$(CC)" tests/lint/tidy $< -std=gnu17 -D_GNU_SOURCE $(INCLUDES)
	@grep -qsxF $< $(LINT_LEFT) || touch $@

# What cppcheck cannot know is named here: the compilers see a missing header, an unused function of
# a library is its interface, generated sources ask for the version of a header it does not look for.
lint-cppcheck: | $(GEN)
	@cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		--suppress=missingInclude --suppress=missingIncludeSystem \
		-I. -I$(B)/gen -D__linux__ -DPROTOBUF_C_VERSION_NUMBER=9999999 $(SRCS) $(CMDS)

headers: $(HEADERS:%=$(B)/%.alone)
$(B)/%.h.alone: %.h | $(GEN)
	@mkdir -p $(@D)
	@echo '#include "$<"' | $(CC) $(SLUICE_CFLAGS) -MF $@.d -MT $@ $(WARN) -fsyntax-only -x c -
	@touch $@

# ---- other machines -------------------------------------------------------------------------
# CROSS=… builds any target for another machine; these run the unit tests, too.
.PHONY: platforms cross-arm64 cross-s390x
platforms:
	+@$(MAKE) --no-print-directory cross-s390x
	+@$(MAKE) --no-print-directory cross-arm64

cross-arm64:
	@$(DEPS) build test cross
	+@$(AGAIN) CROSS=aarch64-linux-gnu MODE=check T=$(or $(T),unit/) run-tests

# The order of bytes is a promise of the code that reads and writes the wire.
cross-s390x:
	@$(DEPS) build test cross
	+@$(AGAIN) CROSS=s390x-linux-gnu MODE=check T=$(or $(T),unit/trace) run-tests

# ---- packages -------------------------------------------------------------------------------
# From the release program. Each gives the same bytes for the same commit: `make reproducible`.
.PHONY: deb image sbom reproducible
deb image sbom:
	@$(DEPS) build package
	+@$(AGAIN) MODE=release all
	@packaging/$@ bin/sluice build/$@

reproducible:
	@$(DEPS) build package
	@packaging/reproducible

# ---- install, clean -------------------------------------------------------------------------
PREFIX ?= /usr/local

install: bin/sluice
	packaging/pages bin/sluice build/pages
	install -D -m 755 bin/sluice $(DESTDIR)$(PREFIX)/bin/sluice
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 build/pages/sluice.1
	install -D -m 644 build/pages/sluice.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/sluice
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/zsh/site-functions build/pages/_sluice
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d build/pages/sluice.fish
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/sluice $(wildcard configs/*.yaml) LICENSE

clean:
	rm -rf build bin
