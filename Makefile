# SPDX-License-Identifier: MIT
# make           build build/tgraph
# make demo      install what is missing, build, and run examples/hello three times
# make test      install what is missing, then every test
CC ?= cc
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0
PKGS := lua5.4 libxxhash sqlite3 yajl yaml-0.1
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2 -Wundef
ifeq ($(WERROR),1)
WARN += -Werror
endif
OPT ?= -O2 -g
CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -DTGRAPH_VERSION='"$(VERSION)"' $(WARN) $(OPT) -Iengine -I$(BUILD)/gen -pthread \
	$(shell pkg-config --cflags $(PKGS)) $(CFLAGS)
LDLIBS_ALL = $(shell pkg-config --libs $(PKGS)) -ldl -lm -pthread $(LDFLAGS)

SRCS := $(filter-out engine/lua/embed_gen.c,$(wildcard engine/*/*.c))
LIB_OBJS := $(patsubst engine/%.c,$(BUILD)/obj/%.o,$(filter-out engine/cli/main.c,$(SRCS)))
SUPPORT_OBJS := $(patsubst tests/support/%.c,$(BUILD)/tests/support/%.o,$(wildcard tests/support/*.c))
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*/*.c))

.PHONY: all clean unit
all: $(BUILD)/tgraph
$(BUILD)/tgraph: $(BUILD)/obj/cli/main.o $(BUILD)/libtgraph.a
	$(CC) $(OPT) -o $@ $^ $(LDLIBS_ALL)
$(BUILD)/libtgraph.a: $(LIB_OBJS)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/obj/%.o: engine/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/tests/support/%.o: tests/support/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Itests -MMD -MP -c -o $@ $<
$(BUILD)/tests/unit/%: tests/unit/%.c $(SUPPORT_OBJS) $(BUILD)/libtgraph.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Itests -MMD -MP -o $@ $< $(SUPPORT_OBJS) $(BUILD)/libtgraph.a -lcmocka $(LDLIBS_ALL)
unit: $(UNIT)
	@set -e; for t in $(UNIT); do $$t; done
clean:
	rm -rf $(BUILD)
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
