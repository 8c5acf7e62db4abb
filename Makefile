# SPDX-License-Identifier: MIT
# tgraph's build. `make help` lists what it can do.
#
# Knobs: CC, BUILD (output folder), OPT, CFLAGS, LDFLAGS, WERROR=1, PREFIX, DESTDIR, V=1 (whole output of passing tests).
CC ?= cc
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0
PKGS := lua5.4 libxxhash sqlite3 yajl yaml-0.1 expat
# libgit2 is not linked but loaded when git is asked something: the object's name says which release the headers are of.
LIBGIT2 := $(shell readelf -d "$$(pkg-config --variable=libdir libgit2 2>/dev/null)/libgit2.so" 2>/dev/null | \
	sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2 -Wundef
ifeq ($(WERROR),1)
WARN += -Werror
endif
OPT ?= -O2 -g
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -DTGRAPH_VERSION='"$(VERSION)"' \
	-DTGRAPH_LIBGIT2='"$(LIBGIT2)"' $(WARN) $(OPT) -Iengine -I$(BUILD)/gen -pthread \
	$(PKG_CFLAGS) $(CFLAGS)
LDLIBS_ALL = $(PKG_LIBS) -ldl -lm -pthread $(LDFLAGS)

SRCS := $(filter-out engine/lua/embed_gen.c,$(wildcard engine/*/*.c))
LIB_OBJS := $(patsubst engine/%.c,$(BUILD)/obj/%.o,$(filter-out engine/cli/main.c,$(SRCS))) $(BUILD)/obj/embedded.o
LIBRARY_FILES := $(shell find stdlib rules -type f -not -name '.*' -not -name '*~' 2>/dev/null)
SUPPORT_OBJS := $(patsubst tests/support/%.c,$(BUILD)/tests/support/%.o,$(wildcard tests/support/*.c))
# Every tests/unit/<module>/test_*.c and tests/property/*.c is a program of its own.
UNIT := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*/*.c))
PROPERTY := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/property/*.c))
PROPERTY_SCRIPTS := $(wildcard tests/property/*.py tests/property/*.t)
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

# A jobs number for recursive makes that nobody gave one.
NPROC := $(shell nproc 2>/dev/null || echo 2)
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(NPROC))
SUBMAKE = +@$(MAKE) --no-print-directory $(JOBS)
# Commands are shown in short; V=1 shows them whole.
say = $(if $(V),,@echo '  $(1)';)
RUN_TESTS = python3 tests/support/run_tests.py --counts $(BUILD)/counts --jobs $(NPROC) $(if $(V),--verbose)

.PHONY: all demo test test-all unit e2e property examples check-asan check-tsan fuzz bench bench-since bench-suites realworld \
	lint lint-format lint-tidy lint-lua lint-shell layers install uninstall clean help FORCE
.SECONDARY:
.DELETE_ON_ERROR:

all: $(BUILD)/tgraph

help:
	@echo 'make             build $(BUILD)/tgraph'
	@echo 'make demo        install what is missing, build, run examples/hello three times'
	@echo 'make test        install what is missing, then every test below'
	@echo 'make unit        unit tests (cmocka), one program for each file'
	@echo 'make e2e         end-to-end tests of the command line (also: prove -r tests/e2e); ARGS=PATH... picks some'
	@echo 'make property    random graphs and edits against a naive model; PROPERTY_ROUNDS=N'
	@echo 'make examples    each example twice: all pass, then nothing runs'
	@echo 'make check-asan  unit and end-to-end tests under AddressSanitizer and UBSan'
	@echo 'make check-tsan  the same under ThreadSanitizer'
	@echo 'make fuzz        each fuzzer for FUZZ_SECONDS=60 (clang)'
	@echo 'make lint        clang-format, clang-tidy, luacheck, shellcheck, layers'
	@echo 'make layers      prints every include that points the wrong way'
	@echo 'make bench       against ninja and GNU make; BENCH_ARGS="--sizes 1000" for a quick one'
	@echo 'make bench-since --since against git diff (also a part of make bench); SINCE_ARGS="--targets 1000" for a quick one'
	@echo 'make bench-suites suites against pytest and xdist (also a part of make bench); SUITES_ARGS="--only scale" for a quick one'
	@echo 'make realworld   tgraph on jansson and Jinja2, and --since on three histories; HISTORY_ARGS="-n 5 -m 5" for a few commits'
	@echo 'make install     PREFIX=$(PREFIX) DESTDIR=$(DESTDIR); make uninstall takes it away'
	@echo 'make clean       remove $(BUILD)'

# ---- the program -------------------------------------------------------------------------------------------------
# Objects depend on the flags that they were made with: another CC, OPT or WERROR makes them anew.
FLAGS_LINE = $(CC) $(CFLAGS_ALL) $(LDLIBS_ALL)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@pkg-config --exists $(PKGS) libgit2 || { echo 'make: libraries are missing; run .ci/setup build' >&2; exit 1; }
	@[ -n '$(LIBGIT2)' ] || { echo 'make: libgit2.so cannot be read; run .ci/setup build' >&2; exit 1; }
	@printf '%s\n' '$(subst ','\'',$(FLAGS_LINE))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS_LINE))' >$@

$(BUILD)/tgraph: $(BUILD)/obj/cli/main.o $(BUILD)/libtgraph.a
	$(call say,LD $@)$(CC) $(OPT) -o $@ $^ $(LDLIBS_ALL)
$(BUILD)/libtgraph.a: $(LIB_OBJS)
	@rm -f $@
	$(call say,AR $@)ar rcs $@ $^
# stdlib/ and rules/ lie in the binary; the list of them counts, as a file may go away.
$(BUILD)/gen/library.list: FORCE
	@mkdir -p $(@D)
	@echo '$(sort $(LIBRARY_FILES))' | cmp -s - $@ || echo '$(sort $(LIBRARY_FILES))' >$@
$(BUILD)/gen/embed_gen: engine/lua/embed_gen.c
	@mkdir -p $(@D)
	$(call say,CC $<)$(CC) -O1 $(PKG_CFLAGS) -o $@ $<
$(BUILD)/gen/embedded.c: $(BUILD)/gen/embed_gen $(BUILD)/gen/library.list $(LIBRARY_FILES)
	$(call say,EMBED)$(BUILD)/gen/embed_gen $@ $(LIBRARY_FILES)
$(BUILD)/obj/embedded.o: $(BUILD)/gen/embedded.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC $<)$(CC) $(CFLAGS_ALL) -c -o $@ $<

$(BUILD)/obj/%.o: engine/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC $<)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/tests/%.o: tests/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC $<)$(CC) $(CFLAGS_ALL) -Itests -MMD -MP -c -o $@ $<

# ---- tests -------------------------------------------------------------------------------------------------------
$(UNIT) $(PROPERTY): %: %.o $(SUPPORT_OBJS) $(BUILD)/libtgraph.a
	$(call say,LD $@)$(CC) $(OPT) -o $@ $< $(SUPPORT_OBJS) $(BUILD)/libtgraph.a -lcmocka $(LDLIBS_ALL)

unit: $(UNIT)
	@$(RUN_TESTS) --suite unit $(UNIT)
e2e: $(BUILD)/tgraph
	@TGRAPH=$(abspath $(BUILD)/tgraph) $(RUN_TESTS) --suite e2e $(or $(ARGS),tests/e2e)
property: $(PROPERTY) $(BUILD)/tgraph
	@TGRAPH=$(abspath $(BUILD)/tgraph) $(RUN_TESTS) --timeout 1200 --suite property $(PROPERTY) $(PROPERTY_SCRIPTS)
examples: $(BUILD)/tgraph
	@TGRAPH=$(abspath $(BUILD)/tgraph) $(RUN_TESTS) --timeout 600 --suite examples tests/support/examples.sh

# All suites run, whatever the ones before gave; one closing line sums them up.
TEST_SUITES := unit e2e property examples
test:
	@.ci/setup build test
	$(SUBMAKE) test-all
test-all:
	@rm -rf $(BUILD)/counts
	+@$(MAKE) --no-print-directory $(JOBS) all $(UNIT) $(PROPERTY)
	+@for s in $(TEST_SUITES); do $(MAKE) --no-print-directory $$s || true; done
	@python3 tests/support/run_tests.py --counts $(BUILD)/counts --sum $(TEST_SUITES)

SAN_OPT := -O1 -g -fno-omit-frame-pointer
check-asan:
	@.ci/setup build test
	$(SUBMAKE) BUILD=build-asan OPT='$(SAN_OPT) -fsanitize=address,undefined -fno-sanitize-recover=undefined' \
		san-tests
# Loading is one thread's work, and its tests run into limits on purpose, which takes minutes under ThreadSanitizer.
check-tsan:
	@.ci/setup build test
	$(SUBMAKE) BUILD=build-tsan OPT='$(SAN_OPT) -fsanitize=thread' SAN_SKIP='build-tsan/tests/unit/lua/%' san-tests
.PHONY: san-tests
san-tests: export TSAN_OPTIONS = suppressions=$(abspath tests/support/tsan.supp):print_suppressions=0
san-tests: export LSAN_OPTIONS = suppressions=$(abspath tests/support/lsan.supp):print_suppressions=0
san-tests: $(BUILD)/tgraph $(UNIT)
	@rm -rf $(BUILD)/counts
	@$(RUN_TESTS) --timeout 600 --suite unit $(filter-out $(SAN_SKIP),$(UNIT)) || true
	@TGRAPH=$(abspath $(BUILD)/tgraph) $(RUN_TESTS) --timeout 600 --suite e2e tests/e2e || true
	@python3 tests/support/run_tests.py --counts $(BUILD)/counts --sum unit e2e

FUZZ_SECONDS ?= 60
fuzz:
	@.ci/setup build lint
	$(SUBMAKE) BUILD=build-fuzz CC=clang OPT='-O1 -g -fsanitize=fuzzer-no-link,address,undefined' $(FUZZ:%=run-%)
$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(SUPPORT_OBJS) $(BUILD)/libtgraph.a
	$(CC) $(OPT) -fsanitize=fuzzer -o $@ $^ -lcmocka $(LDLIBS_ALL)
run-fuzz_%: $(BUILD)/tests/fuzz/fuzz_%
	@mkdir -p $(BUILD)/corpus/$*
	cd $(BUILD) && tests/fuzz/fuzz_$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 corpus/$* \
		$(wildcard $(CURDIR)/tests/fuzz/corpus/$*)

bench:
	@.ci/setup build bench
	$(SUBMAKE) all
	python3 tests/bench/bench.py --tgraph $(BUILD)/tgraph --json $(BUILD)/bench.json $(BENCH_ARGS)
	python3 tests/bench/since.py --tgraph $(BUILD)/tgraph --json $(BUILD)/bench-since.json $(SINCE_ARGS)
	python3 tests/bench/suites.py --tgraph $(BUILD)/tgraph --json $(BUILD)/bench-suites.json $(SUITES_ARGS)
bench-suites:
	@.ci/setup build bench
	$(SUBMAKE) all
	python3 tests/bench/suites.py --tgraph $(BUILD)/tgraph --json $(BUILD)/bench-suites.json $(SUITES_ARGS)
bench-since:
	@.ci/setup build bench
	$(SUBMAKE) all
	python3 tests/bench/since.py --tgraph $(BUILD)/tgraph --json $(BUILD)/bench-since.json $(SINCE_ARGS)
realworld:
	@.ci/setup build test
	$(SUBMAKE) all
	tests/realworld/run.sh $(abspath $(BUILD)/tgraph)
	tests/realworld/history.sh $(HISTORY_ARGS) $(abspath $(BUILD)/tgraph)

# ---- a first look ------------------------------------------------------------------------------------------------
demo:
	@.ci/setup build
	$(SUBMAKE) all
	@tests/support/demo.sh $(abspath $(BUILD)/tgraph) examples/hello

# ---- lint --------------------------------------------------------------------------------------------------------
C_FILES = $(wildcard engine/*/*.[ch] tests/support/*.[ch] tests/unit/*/*.[ch] tests/property/*.[ch] tests/fuzz/*.[ch])
LUA_FILES = $(shell find stdlib rules examples tests -name '*.lua' -not -path '*/testdata/*' 2>/dev/null)
SHELL_FILES = .ci/setup .ci/run $(shell find tests -name '*.sh' -o -name '*.t' -type f 2>/dev/null)
TIDY = $(patsubst engine/%.c,$(BUILD)/tidy/%,$(SRCS))
lint:
	@.ci/setup build lint
	$(SUBMAKE) -k lint-format lint-tidy lint-lua lint-shell layers
lint-format:
	clang-format --dry-run -Werror $(C_FILES)
lint-tidy: $(TIDY)
$(BUILD)/tidy/%: engine/%.c .clang-tidy $(BUILD)/flags
	@mkdir -p $(@D)
	clang-tidy --quiet $< -- $(filter-out -W%,$(CFLAGS_ALL)) 2>/dev/null
	@touch $@
lint-lua:
	$(if $(LUA_FILES),luacheck -q $(LUA_FILES))
lint-shell:
	shellcheck $(SHELL_FILES)
layers:
	@python3 tests/support/layers.py

# ---- installing --------------------------------------------------------------------------------------------------
install: $(BUILD)/tgraph
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BUILD)/tgraph $(DESTDIR)$(PREFIX)/bin/tgraph
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/tgraph
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
