# ccm - metrics of Confluent Cloud to Kafka, as small programs over pipes.
#
#   make            build everything into $(B)/
#   make check      build, then run the whole test suite (installs what it needs)
#   make demo       an hour of metrics from a simulated API to a simulated Kafka
#   make lint       format, shell, manual pages, compiler warnings of clang
#   make bench      speed and memory, beside the peers that each figure names
#   make fuzz       libFuzzer, FUZZ_SECONDS for each target
#   make soak       the kill tests, 200 times
#   make install    into $(DESTDIR)$(prefix)
#   make deps       install the Debian packages that all of these need
#
# Everything runnable is in $(B)/bin, so that PATH=$PWD/build/bin:$PATH is a
# complete ccm. SANITIZE=address,undefined builds and tests under B=build/san.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

VERSION := 0.1.0
prefix ?= /usr/local
B := build
CC := gcc
OPTIMISE ?= -O2
CFLAGS_WARN := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion \
	-Wsign-conversion -Wformat=2 -Wundef -Wcast-qual -Wwrite-strings \
	-Wpointer-arith -Wvla -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wimplicit-fallthrough
CFLAGS_HARDEN := -fstack-protector-strong -fPIE
CPPFLAGS_HARDEN := $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
LDFLAGS_HARDEN := -pie -Wl,-z,relro,-z,now
SAN := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer)

ALL_CFLAGS = -std=c11 -g $(OPTIMISE) $(CFLAGS_WARN) $(CFLAGS_HARDEN) $(SAN) \
	$(CFLAGS)
ALL_CPPFLAGS = -D_GNU_SOURCE -DCCM_VERSION='"$(VERSION)"' -Ilib \
	$(CPPFLAGS_HARDEN) $(CPPFLAGS)
ALL_LDFLAGS = $(LDFLAGS_HARDEN) $(SAN) $(LDFLAGS)

# ---- what is built ----------------------------------------------------------

PROGRAMS := ccm-fetch ccm-normalize ccm-key ccm-ship ccm-json
SCRIPTS := ccm-scrape ccm-produce ccm-consume
LIBS_ccm-fetch := -lcurl -lcjson

LIB_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard lib/*.c))
SIMS := $(patsubst tests/sim/%.c,%,$(wildcard tests/sim/*.c))
LIBS_sim-cloud := -lmicrohttpd -lcjson
LIBS_sim-kafka := -lrdkafka
UNITS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))

BIN := $(addprefix $(B)/bin/,$(PROGRAMS) $(SCRIPTS))
SHARE_FILES := $(wildcard pipelines/*.sh pipelines/*.jq pipelines/queries/*.json)
SHARE := $(patsubst pipelines/%,$(B)/share/ccm/%,$(SHARE_FILES))
TEST_BIN := $(addprefix $(B)/tests/unit/,$(UNITS)) \
	$(addprefix $(B)/tests/sim/,$(SIMS))

# A program is tools/NAME.c, or all of tools/NAME/*.c.
sources = $(or $(wildcard tools/$(1)/*.c),tools/$(1).c)
objects = $(patsubst %.c,$(B)/%.o,$(call sources,$(1)))

.PHONY: all check demo bench install uninstall lint fuzz soak clean deps programs
all: programs $(TEST_BIN)
programs: $(BIN) $(SHARE)

$(B)/%.o: %.c Makefile $(DEPS_FIRST)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libccm.a: $(LIB_OBJECTS)
	@rm -f $@
	@$(AR) rcs $@ $^

define program_rule
$(B)/bin/$(1): $(call objects,$(1)) $(B)/libccm.a
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $(LIBS_$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

define sim_rule
$(B)/tests/sim/$(1): $(B)/tests/sim/$(1).o $(B)/libccm.a
	@echo "  LD      $$@"
	@$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $(LIBS_$(1)) -lpthread
endef
$(foreach s,$(SIMS),$(eval $(call sim_rule,$(s))))

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/libccm.a
	@echo "  LD      $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_unit) -lcheck -lsubunit -lm -lrt -lpthread

$(addprefix $(B)/bin/,$(SCRIPTS)): $(B)/bin/%: pipelines/%
	@mkdir -p $(@D)
	install -m 755 $< $@

$(B)/share/ccm/%: pipelines/%
	@mkdir -p $(@D)
	install -m 644 $< $@

-include $(patsubst %.c,$(B)/%.d,$(wildcard lib/*.c tools/*.c tools/*/*.c tests/*/*.c))

clean:
	rm -rf $(B)
