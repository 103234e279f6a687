# ccm - metrics of Confluent Cloud to Kafka, as small programs over pipes.
#
#   make                 build everything into build/; installs nothing
#   make install         into $(DESTDIR)$(prefix), as root for /usr/local
#   make uninstall       removes what install made, with the same variables
#   make deb             a Debian package, build/ccm_VERSION.deb
#   make image           a container image, build/ccm_VERSION.image.tar
#   make demo            an hour of metrics, from a simulated API to a simulated
#                        Kafka
#   make demo-export     the newest samples, to a real Prometheus
#   make demo-ingest     metrics by POST, to a simulated Kafka and back
#   make dashboards      pipelines/dashboards/*.json, from the .jq beside them
#   make clean           removes build/
#
# Tests. Each file says at its head what it is about.
#
#   make check           unit tests (tests/unit) and command-line tests (tests/cli)
#   make check TESTS=tests/cli/ship.t
#   make lint            format, spelling, shell, man pages, units, package, clang
#   make check-systemd   tests/systemd: the package under a real systemd, in
#                        namespaces; takes root
#   make check-image     tests/image: the image in a chroot; takes root
#   make check-kafka     tests/kafka: a real Apache Kafka, fetched by Maven, see
#                        tests/kafka/broker.sh; KAFKA_TESTS=... for one file,
#                        BROKERS=3, CCM_TEST_BOOTSTRAP=HOST:PORT for your own
#   make check-export    tests/export: a real InfluxDB and VictoriaMetrics
#   make check-dashboards   tests/dashboards: through Grafana's SDK, fetched by pip
#   make soak            the kill tests, 200 moments each; make soak-kafka
#   make fuzz            libFuzzer, FUZZ_SECONDS (600) for each target
#   make bench           speed and memory, beside jq and others
#   make simulate        10,000 clusters, the figures of ccm-scaling(7)
#
# demo, deb, check, lint and the others that test install the Debian packages
# that they need, as root or by sudo -n; make deps installs them all.
#
# Variables: prefix (/usr/local), bindir, mandir, DESTDIR; CC (cc), CFLAGS,
# CPPFLAGS, LDFLAGS; WERROR=1 makes a warning an error, as the tests and lint do;
# B (build) is where everything is built: B=build/san SANITIZE=address,undefined.
# PATH=$PWD/build/bin:$PATH is a complete ccm without make install.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

VERSION := 0.1.0
prefix ?= /usr/local
bindir ?= $(prefix)/bin
mandir ?= $(prefix)/share/man
B := build
CC ?= cc
# A warning is an error for those who change the code, not for those who build
# it with a compiler that we have not seen.
WERROR ?= $(if $(filter check% soak% lint% fuzz,$(MAKECMDGOALS)),1)
OPTIMISE ?= -O2
CFLAGS_WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
	-Wsign-conversion -Wformat=2 -Wundef -Wcast-qual -Wwrite-strings \
	-Wpointer-arith -Wvla -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wimplicit-fallthrough $(if $(WERROR),-Werror)
CFLAGS_HARDEN := -fstack-protector-strong -fPIE
CPPFLAGS_HARDEN := $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
LDFLAGS_HARDEN := -pie -Wl,-z,relro,-z,now
SAN := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer)

ALL_CFLAGS = -std=c11 -g $(OPTIMISE) $(CFLAGS_WARN) $(CFLAGS_HARDEN) $(SAN) \
	$(CFLAGS)
ALL_CPPFLAGS = -D_GNU_SOURCE -DCCM_VERSION='"$(VERSION)"' -Ilib \
	-isystem /usr/share/include \
	$(CPPFLAGS_HARDEN) $(CPPFLAGS)
ALL_LDFLAGS = $(LDFLAGS_HARDEN) $(SAN) $(LDFLAGS)

# ---- what is built ----------------------------------------------------------

SCRIPTS := ccm-scrape ccm-send ccm-export ccm-status ccm-check
PROGRAMS := ccm-fetch ccm-hours ccm-normalize ccm-key ccm-promfmt ccm-linefmt \
	ccm-serve ccm-ship ccm-produce ccm-consume ccm-avro ccm-json ccm-env \
	ccm-ingestd ccm-ingest ccm-post
LIBS_ccm-fetch := -lcurl -lcjson
LIBS_ccm-post := -lcurl
LIBS_ccm-produce := -lcjson
LIBS_ccm-consume := -lcjson
LIBS_ccm-avro := -lavro -lcurl -lcjson
LIBS_ccm-ingestd := -lz -lmd
LIBS_ccm-serve := -lz
LIBS_ccm-ingest := -lcjson

# The parser of lib/http-request, which Debian has as C sources only.
LLHTTP := $(addprefix $(B)/llhttp/,api.o http.o llhttp.o)
LIB_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard lib/*.c)) $(LLHTTP)
SIMS := sim-cloud sim-kafka sim-metrics sim-registry show-settings
LIBS_sim-metrics := -lmicrohttpd
LIBS_sim-registry := -lmicrohttpd -lavro -lcjson
LIBS_sim-cloud := -lmicrohttpd -lcjson -lz
LIBS_sim-kafka := -lrdkafka
LIBS_show-settings := -lcjson
UNITS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))

BIN := $(addprefix $(B)/bin/,$(PROGRAMS) $(SCRIPTS))
SHARE_FILES := $(wildcard pipelines/*.sh pipelines/*.bash pipelines/*.jq pipelines/queries/*.json \
	pipelines/dashboards/*.json pipelines/dashboards/*.yml pipelines/examples/*.conf pipelines/examples/*.yml \
	pipelines/schemas/*.avsc)
MAN_PAGES := $(wildcard tools/*.[1-9] systemd/*.[1-9])
GENERATOR := $(B)/systemd/ccm-timer-generator
UNIT_FILES := $(wildcard systemd/*.service systemd/*.socket systemd/*.target)
SHARE := $(patsubst pipelines/%,$(B)/share/ccm/%,$(SHARE_FILES))
# What is loaded into kcat: not ours to sanitize.
COMPANION := $(B)/lib/ccm/kcat-companion.so
# What ccm's own scripts and programs run: no commands for people.
PRIVATE_PROGRAMS := ccm-settings ccm-log ccm-instance ccm-statuses ccm-kafka-ask \
	ccm-export-filter ccm-export-settings ccm-spool ccm-every
LIBS_ccm-kafka-ask := -lcjson
PRIVATE_SCRIPTS := ccm-scrape-hour ccm-check-settings ccm-check-state \
	ccm-check-api ccm-check-kafka
PRIVATE := $(addprefix $(B)/lib/ccm/,$(PRIVATE_PROGRAMS) $(PRIVATE_SCRIPTS))
# The crash stepper of ccm-hours, tests/cli/hours-steps.t.
STEPS := $(addprefix $(B)/tests/hours-steps/,hours-steps hour steps.so)
TEST_BIN := $(addprefix $(B)/tests/unit/,$(UNITS)) \
	$(addprefix $(B)/sim/,$(SIMS) sim-kcat) $(STEPS)

# A program is DIRECTORY/NAME.c, or all of DIRECTORY/NAME/*.c.
sources = $(or $(wildcard $(1)/$(2)/*.c),$(1)/$(2).c)
objects = $(patsubst %.c,$(B)/%.o,$(call sources,$(1),$(2)))

.PHONY: all help check check-dashboards check-export check-kafka check-systemd demo demo-export demo-ingest bench simulate lint fuzz dashboards \
	soak image check-image install uninstall stage deb lint-units lint-deb \
	soak-kafka clean deps tests
all: $(BIN) $(SHARE) $(GENERATOR) $(COMPANION) $(PRIVATE)
tests: all $(TEST_BIN)

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

# ---- Debian packages --------------------------------------------------------

# What the goals need that install it by themselves. Others build with what is
# there.
DEPS_BUILD := gcc jq libc6-dev libcurl4-openssl-dev libcjson-dev librdkafka-dev \
	libavro-dev libmd-dev node-llhttp zlib1g-dev
DEPS_RUN := ca-certificates jq kcat util-linux
DEPS_TEST := check libsubunit-dev libmicrohttpd-dev mount \
	curl openssl perl procps influxdb prometheus python3-prometheus-client \
	python3-requests python3-yaml strace
DEPS_LINT := clang clang-format codespell libclang-rt-14-dev mandoc shellcheck git
DEPS_check := $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST) mandoc
DEPS_KAFKA := default-jdk-headless maven python3-venv krb5-kdc \
	krb5-admin-server krb5-user libsasl2-modules-gssapi-mit
DEPS_check-kafka := $(DEPS_check) $(DEPS_KAFKA)
DEPS_soak-kafka := $(DEPS_check-kafka)
DEPS_check-export := $(DEPS_check) influxdb victoria-metrics
DEPS_check-dashboards := jq perl procps python3-venv
DEPS_demo := $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST)
DEPS_soak := $(DEPS_check)
DEPS_bench := $(DEPS_demo) $(DEPS_KAFKA) python3 time wrk
DEPS_demo-export := $(DEPS_demo)
DEPS_demo-ingest := $(DEPS_demo) curl
DEPS_simulate := $(DEPS_demo)
DEPS_DEB := build-essential debhelper
DEPS_deb := $(DEPS_BUILD) $(DEPS_DEB)
DEPS_image := $(DEPS_deb) jq mmdebstrap
DEPS_check-image := $(DEPS_image) $(DEPS_demo)
DEPS_check-systemd := $(DEPS_demo) $(DEPS_DEB) systemd tzdata
DEPS_lint := $(DEPS_check) $(DEPS_LINT) $(DEPS_DEB) lintian systemd
DEPS_fuzz := $(DEPS_BUILD) $(DEPS_LINT)
DEPS_deps := $(DEPS_bench) $(DEPS_check-dashboards) $(DEPS_check-export) $(DEPS_check-kafka) $(DEPS_lint) mmdebstrap
DEPS := $(sort $(foreach goal,$(MAKECMDGOALS),$(DEPS_$(goal))))
DEPS_FIRST := $(if $(DEPS),| deps)

deps:
	@missing=; for p in $(DEPS); do \
		[ "$$(dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null)" \
			= installed ] || missing="$$missing $$p"; done; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then as=; \
	elif sudo -n true 2>/dev/null; then as='sudo -n'; \
	else echo "Packages are missing; install them with" >&2; \
		echo "  sudo apt-get install$$missing" >&2; exit 1; fi; \
	echo "  APT    $$missing"; \
	{ $$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		$$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends $$missing; } >/dev/null

# ---- building ---------------------------------------------------------------

$(B)/%.o: %.c Makefile $(DEPS_FIRST)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Strict: without it a request that a CVE is about passes.
$(LLHTTP): $(B)/llhttp/%.o: /usr/share/llhttp/%.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) -DLLHTTP_STRICT_MODE=1 -I/usr/share/include/llhttp -std=gnu11 -g \
		$(OPTIMISE) $(CFLAGS_HARDEN) $(SAN) -w -c -o $@ $<
$(addprefix /usr/share/llhttp/,api.c http.c llhttp.c): $(DEPS_FIRST)

$(B)/libccm.a: $(LIB_OBJECTS)
	@rm -f $@
	@$(AR) rcs $@ $^

define program_rule
$(B)/bin/$(1): $(call objects,tools,$(1)) $(B)/libccm.a
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $(LIBS_$(1)) -lm
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

define private_rule
$(B)/lib/ccm/$(1): $(call objects,tools,$(1)) $(B)/libccm.a
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $(LIBS_$(1)) -lm
endef
$(foreach p,$(PRIVATE_PROGRAMS),$(eval $(call private_rule,$(p))))

$(GENERATOR): $(call objects,systemd,ccm-timer-generator) $(B)/libccm.a
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ -lm

define sim_rule
$(B)/sim/$(1): $(call objects,tests/sim,$(1)) $(B)/libccm.a
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $(LIBS_$(1)) -lm -lpthread
endef
$(foreach s,$(SIMS),$(eval $(call sim_rule,$(s))))

# In the place of kcat, and what is loaded into that must not be loaded into it.
$(B)/sim/sim-kcat: tests/sim/sim-kcat.c lib/companion.h Makefile $(DEPS_FIRST)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(ALL_CPPFLAGS) -std=c11 -g $(OPTIMISE) $(CFLAGS_WARN) $(CFLAGS) \
		-static -o $@ $<

# Parts of ccm-fetch that have a unit test of their own.
$(B)/tests/unit/fetch: $(addprefix $(B)/tools/ccm-fetch/,body.o filters.o \
	flags.o points.o \
	resources.o response.o)
$(B)/tests/unit/fetch: LIBS_unit := -lcjson
$(B)/tests/unit/fetch-verdict: $(addprefix $(B)/tools/ccm-fetch/,answer.o \
	asked.o body.o filters.o memory.o resources.o response.o)
$(B)/tests/unit/fetch-verdict: LIBS_unit := -lcjson -lcurl
$(B)/tests/unit/fetch-export: $(addprefix $(B)/tools/ccm-fetch/,limits.o \
	resources.o scrape.o shared-file.o store.o)
$(B)/tests/unit/kafka: LIBS_unit := -lcjson
$(B)/tests/unit/http-request: LIBS_unit := -lz
# ... of ccm-ingestd,
$(B)/tests/unit/ingestd: $(addprefix $(B)/tools/ccm-ingestd/,keys.o metric.o \
	series.o settings.o tokens.o)
$(B)/tests/unit/ingestd: LIBS_unit := -lmd
# ... and of ccm-hours.
$(B)/tests/unit/hours: $(addprefix $(B)/tools/ccm-hours/,decide.o dir.o ledger.o \
	outcome.o stats.o times.o)
# ... and of ccm-avro.
$(B)/tests/unit/avro: $(addprefix $(B)/tools/ccm-avro/,binary.o metric.o \
	schema.o wire.o)
$(B)/tests/unit/avro: LIBS_unit := -lavro -lcjson
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/libccm.a
	@echo "  LD      $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_unit) \
		-lcheck -lsubunit -lm -lrt -lpthread

$(B)/tests/hours-steps/hours-steps: $(B)/tests/hours-steps/hours-steps.o \
	$(B)/libccm.a
	@echo "  LD      $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^

# Never with sanitizers: the one is run thousands of times, the other is loaded
# into programs with them and without. FORTIFY's own functions would be inline.
$(B)/tests/hours-steps/hour: STEPS_FLAGS :=
$(B)/tests/hours-steps/steps.so: STEPS_FLAGS := -fPIC -shared
$(B)/tests/hours-steps/hour $(B)/tests/hours-steps/steps.so: \
	$(B)/tests/hours-steps/%: Makefile $(DEPS_FIRST)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) -std=c11 -D_GNU_SOURCE -g $(OPTIMISE) $(CFLAGS_WARN) $(CFLAGS) \
		$(STEPS_FLAGS) -o $@ $(filter %.c,$^)
$(B)/tests/hours-steps/hour: tests/hours-steps/hour.c
$(B)/tests/hours-steps/steps.so: tests/hours-steps/steps.c

# The description of the API, as bytes of C.
$(B)/gen/openapi.inc: tools/ccm-ingestd/openapi.json
	@mkdir -p $(@D)
	@jq -c . $< | od -An -v -td1 | sed 's/[-0-9]\{1,\}/&,/g' >$@
$(B)/tools/ccm-ingestd/openapi.o: $(B)/gen/openapi.inc
$(B)/tools/ccm-ingestd/openapi.o: ALL_CPPFLAGS += -I$(B)/gen

$(COMPANION): tools/kcat-companion.c lib/companion.h Makefile $(DEPS_FIRST)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(ALL_CPPFLAGS) -std=c11 -g $(OPTIMISE) $(CFLAGS_WARN) $(CFLAGS) \
		-fPIC -shared $(LDFLAGS) -o $@ $<

$(addprefix $(B)/bin/,$(SCRIPTS)): $(B)/bin/%: pipelines/%
	@mkdir -p $(@D)
	install -m 755 $< $@

$(addprefix $(B)/lib/ccm/,$(PRIVATE_SCRIPTS)): $(B)/lib/ccm/%: pipelines/%
	@mkdir -p $(@D)
	install -m 755 $< $@

$(B)/share/ccm/%: pipelines/%
	@mkdir -p $(@D)
	install -m 644 $< $@

-include $(patsubst %.c,$(B)/%.d,$(wildcard lib/*.c tools/*.c tools/*/*.c systemd/*.c tests/*/*.c tests/*/*/*.c))

# ---- tests ------------------------------------------------------------------

# What sanitizers are to do when they find something, where they are in.
export ASAN_OPTIONS := abort_on_error=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS := print_stacktrace=1

TESTS ?= $(addprefix $(B)/tests/unit/,$(UNITS)) $(sort $(wildcard tests/cli/*.t))
PROVE_JOBS ?= 4
check: tests
	B=$(B) prove --timer --failures --comments -j$(PROVE_JOBS) --exec '' $(TESTS)

# The same tests, with the moments of the kill tests multiplied.
soak: tests
	KILLS=200 B=$(B) prove --timer --exec '' $(sort $(wildcard tests/cli/*kill*.t))

# A real Apache Kafka: its jars, checked by Maven, and kafka-python, by pip, are
# kept in build/kafka, so that the network is needed once.
export BROKER_DIR := build/kafka
$(BROKER_DIR)/lib: tests/kafka/pom.xml $(DEPS_FIRST)
	@mkdir -p $(BROKER_DIR)/tmp && rm -rf $@.new
	MAVEN_OPTS=-Djava.io.tmpdir=$(CURDIR)/$(BROKER_DIR)/tmp \
		mvn -B -q --strict-checksums -f $< \
		-Dmaven.repo.local=$(CURDIR)/$(BROKER_DIR)/m2 \
		org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies \
		-DoutputDirectory=$(CURDIR)/$@.new
	@rm -rf $@ && mv $@.new $@ && touch $@

# The programs of ours that run on the JVM.
$(BROKER_DIR)/classes: $(wildcard tests/kafka/*.java) $(BROKER_DIR)/lib
	@rm -rf $@ && mkdir -p $@
	@echo "  JAVAC   $@"
	@javac -Xlint:all -Werror -cp '$(BROKER_DIR)/lib/*' -d $@ $(filter %.java,$^)

$(BROKER_DIR)/venv: tests/kafka/requirements.txt $(DEPS_FIRST)
	@rm -rf $@
	python3 -m venv $@
	$@/bin/pip install -q --no-cache-dir --require-hashes -r $<
	@touch $@

# The ones that wait for brokers to be missed come first.
KAFKA_TESTS ?= $(addprefix tests/kafka/,consume.t faults.t) $(filter-out \
	%/consume.t %/faults.t,$(sort $(wildcard tests/kafka/*.t)))
check-kafka: tests $(BROKER_DIR)/classes $(BROKER_DIR)/venv
	B=$(B) prove --timer --failures --comments -j2 --exec '' $(KAFKA_TESTS)

# The same, with more moments of the kill test.
soak-kafka: tests $(BROKER_DIR)/lib $(BROKER_DIR)/venv
	KILLS=200 B=$(B) prove --timer --failures --comments --exec '' tests/kafka/kill.t

# What takes the exporter's samples, from Debian.
EXPORT_TESTS ?= $(sort $(wildcard tests/export/*.t))
check-export: tests
	B=$(B) prove --timer --failures --comments -j2 --exec '' $(EXPORT_TESTS)

# The package, installed on machines of their own: systemd in namespaces, which
# takes root. Elsewhere it is skipped.
SYSTEMD_TESTS ?= $(sort $(wildcard tests/systemd/*.t))
check-systemd: tests deb
	B=$(B) DEB=$(abspath $(DEB)) prove --timer --failures --comments \
		-j$(PROVE_JOBS) --exec '' $(SYSTEMD_TESTS)

# Grafana's dashboards are kept beside what makes them; make check compares.
DASHBOARDS := pipelines/dashboards
dashboards:
	for f in $(DASHBOARDS)/*.json; do name=$${f##*/}; \
		jq -n -L $(DASHBOARDS) --arg name $${name%.json} \
			-f $(DASHBOARDS)/dashboards.jq >$$f.new && mv $$f.new $$f || exit 1; \
	done

# Grafana's own SDK, by pip, is kept in build/dashboards.
export SDK_DIR := build/dashboards
$(SDK_DIR)/venv: tests/dashboards/requirements.txt $(DEPS_FIRST)
	@rm -rf $@
	python3 -m venv $@
	$@/bin/pip install -q --no-cache-dir --require-hashes -r $<
	@touch $@

check-dashboards: $(SDK_DIR)/venv
	B=$(B) prove --timer --failures --comments --exec '' \
		$(sort $(wildcard tests/dashboards/*.t))

demo: tests
	@B=$(B) tests/demo.sh

$(B)/bench/bare-loop: $(B)/tests/bench/bare-loop.o $(B)/libccm.a
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ -lm

demo-export: tests
	@B=$(B) tests/demo-export.sh

demo-ingest: tests
	@B=$(B) tests/demo-ingest.sh

bench: tests $(B)/bench/bare-loop $(BROKER_DIR)/lib $(BROKER_DIR)/venv
	@B=$(B) tests/bench/bench.sh
	@B=$(B) tests/bench/kafka.sh
	@B=$(B) tests/bench/ingest.sh

# Put into programs by LD_PRELOAD, it is no program of ours by itself.
$(B)/sim/faster.so: tests/simulate/faster.c Makefile $(DEPS_FIRST)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(ALL_CPPFLAGS) -std=c11 -g -O2 $(CFLAGS_WARN) -fPIC -shared \
		-o $@ $<

simulate: tests $(B)/sim/faster.so
	@B=$(B) prove -v --exec '' tests/simulate/simulate.t

SHELL_FILES := $(addprefix pipelines/,$(SCRIPTS) $(PRIVATE_SCRIPTS)) $(wildcard pipelines/*.sh pipelines/*.bash \
	tests/*.sh tests/cli/*.t tests/dashboards/*.t tests/export/* tests/kafka/*.sh tests/kafka/*.t tests/bench/*.sh \
	tests/simulate/*.t tests/systemd/* tests/image/*.t) systemd/make-image .ci/run
C_FILES := $(wildcard lib/*.[ch] tools/*.c tools/*/*.[ch] systemd/*.c tests/*/*.[ch] \
	tests/*/*/*.[ch])
# Nd and TE are requests of man pages, unsecure is a word of Kafka's, and the
# others are what a test misspells.
lint: $(DEPS_FIRST)
	clang-format --dry-run --Werror $(C_FILES)
	codespell -L nd,te,unsecure,refesh,mutli --skip tests/fuzz/corpus,tests/cli/state-0.1.0 \
		README.md Makefile .ci lib tools pipelines systemd tests
	shellcheck -x -P SCRIPTDIR $(SHELL_FILES)
	for page in $(MAN_PAGES); do mandoc -Tlint -W warning $$page || exit 1; done
	$(MAKE) --no-print-directory lint-units lint-deb
	$(MAKE) --no-print-directory CC=clang WERROR=1 B=$(B)/clang tests

# The units with the programs of $(B), and the timer of the example. What
# systemd-analyze verify merely warns of (a key that it does not know) is an
# error here. 15 is an exposure of 1.5; what is left of it is the network.
LINT_UNITS := $(CURDIR)/$(B)/lint/units
lint-units: all
	@rm -rf $(LINT_UNITS) && mkdir -p $(LINT_UNITS)/etc
	@for f in $(UNIT_FILES); do \
		sed 's|/usr/bin/ccm-|$(CURDIR)/$(B)/bin/ccm-|g' $$f \
			>$(LINT_UNITS)/$${f##*/}; done
	@cp systemd/ccm.env.example $(LINT_UNITS)/etc/example.env
	CCM_CONFIG_DIRECTORY=$(LINT_UNITS)/etc $(GENERATOR) $(LINT_UNITS)
	! SYSTEMD_UNIT_PATH=$(LINT_UNITS): systemd-analyze --man=no verify \
		$(LINT_UNITS)/*.service $(LINT_UNITS)/*.socket \
		$(LINT_UNITS)/*.target $(LINT_UNITS)/*.timer 2>&1 | grep .
	@for unit in $(notdir $(filter %.service,$(UNIT_FILES))); do \
		systemd-analyze security --offline=true --no-pager --threshold=15 \
			$(LINT_UNITS)/$$unit >$(LINT_UNITS)/out || \
			{ cat $(LINT_UNITS)/out; exit 1; }; \
		tail -n 1 $(LINT_UNITS)/out; done

lint-deb: deb
	lintian --allow-root --fail-on error,warning,info $(DEB)

FUZZ_SECONDS ?= 600
FUZZ_TARGETS := points samples promfmt records response interval settings http \
	batch feed avro registry
FUZZ_SOURCES_points := $(addprefix tools/ccm-normalize/,points.c record-writer.c)
FUZZ_SOURCES_samples := $(addprefix tools/ccm-normalize/,samples.c \
	record-writer.c)
FUZZ_SOURCES_promfmt := $(addprefix tools/ccm-promfmt/,labels.c output.c store.c)
FUZZ_SOURCES_batch := tools/ccm-ingestd/metric.c
FUZZ_SOURCES_feed := $(addprefix tools/ccm-ingestd/,metric.c feed.c series.c apps.c \
	producer.c)
FUZZ_SOURCES_response := $(addprefix tools/ccm-fetch/,points.c response.c body.c \
	filters.c resources.c)
FUZZ_SOURCES_avro := $(addprefix tools/ccm-avro/,binary.c metric.c schema.c)
FUZZ_LIBS_avro := -lavro
FUZZ_SOURCES_registry := tools/ccm-avro/answer.c
$(B)/fuzz/%: tests/fuzz/%.c $(wildcard lib/*.[ch] tools/*.c tools/*/*.[ch]) $(LLHTTP) \
	$(DEPS_FIRST)
	@mkdir -p $(@D)
	clang $(ALL_CPPFLAGS) -std=c11 -g -O1 \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o $@ $< $(FUZZ_SOURCES_$*) $(wildcard lib/*.c) $(LLHTTP) \
		-lm -lcjson -lcurl -lz $(FUZZ_LIBS_$*)
# avro-c leaks parts of the schemas that it refuses.
# avro-c leaks what it fails to read.
FUZZ_RUNS := $(FUZZ_TARGETS:%=$(B)/fuzz/%.run)
$(FUZZ_RUNS): $(B)/fuzz/%.run: $(B)/fuzz/%
	mkdir -p $(B)/fuzz/corpus/$*
	ASAN_OPTIONS=detect_leaks=$(if $(filter avro,$*),0,1) $< \
		-max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=4096 \
		-print_final_stats=1 -verbosity=0 -artifact_prefix=$(B)/fuzz/ \
		$(B)/fuzz/corpus/$* tests/fuzz/corpus/$*
.PHONY: $(FUZZ_RUNS)
fuzz: $(FUZZ_RUNS)

# ---- installing -------------------------------------------------------------

# Below $(B)/stage everything is as it is below DESTDIR then; the units name the
# programs where they are. A program looks for ../lib/ccm and ../share/ccm beside
# its own directory, which is why that is some .../bin.
STAGE := $(B)/stage
home = $(patsubst %/bin,%,$(bindir))
stage: all
	@[ "$(bindir)" = "$(home)/bin" ] || \
		{ echo "bindir is $(bindir); it has to end in /bin" >&2; exit 1; }
	@rm -rf $(STAGE)
	@set -e; to=$(STAGE)$(prefix); home=$(STAGE)$(home); umask 022; \
	install -d $$home/bin $$to/lib/systemd/system-generators \
		$$to/lib/systemd/system; \
	install -m 755 $(BIN) $$home/bin; \
	install -m 755 $(GENERATOR) $$to/lib/systemd/system-generators; \
	install -D -m 644 -t $$home/lib/ccm $(COMPANION); \
	install -m 755 $(PRIVATE) $$home/lib/ccm; \
	for f in $(UNIT_FILES); do sed 's|/usr/bin/ccm-|$(bindir)/ccm-|g' $$f \
		>$$to/lib/systemd/system/$${f##*/}; done; \
	install -D -m 644 systemd/ccm.sysusers $$to/lib/sysusers.d/ccm.conf; \
	install -D -m 644 systemd/ccm.tmpfiles $$to/lib/tmpfiles.d/ccm.conf; \
	install -D -m 644 systemd/ccm.env.example \
		$$to/share/doc/ccm/examples/ccm.env; \
	install -m 644 pipelines/examples/ingest.env \
		$$to/share/doc/ccm/examples; \
	for f in $(SHARE); do \
		install -D -m 644 $$f $$home/share/ccm/$${f#$(B)/share/ccm/}; done; \
	install -d $$to/share/bash-completion/completions; \
	for f in $(notdir $(BIN)); do ln -sr $$home/share/ccm/completion.bash \
		$$to/share/bash-completion/completions/$$f; done; \
	for f in $(MAN_PAGES); do install -D -m 644 $$f \
		$(STAGE)$(mandir)/man$${f##*.}/$${f##*/}; done

# What was made is written down. Without that, uninstall could not know which
# directories were there before, nor what an older version had installed.
INSTALLED = $(home)/share/ccm/installed
LIST := $(B)/installed
install: stage
	@set -euo pipefail; to=$(abspath $(DESTDIR)); list=$(abspath $(LIST)); \
	echo "  INSTALL $$to$(prefix)"; \
	cat "$$to$(INSTALLED)" >"$$list" 2>/dev/null || :; \
	cd $(STAGE); \
	while read -r path; do \
		if [ -d "$$path" ]; then \
			[ -d "$$to/$$path" ] || echo "$$path"; \
			install -d -m 755 "$$to/$$path"; \
		else \
			echo "$$path"; \
			if [ -L "$$path" ]; then cp -dT "$$path" "$$to/$$path"; \
			else install -m "$$(stat -c %a "$$path")" "$$path" "$$to/$$path"; fi; \
		fi; \
	done < <(find . | LC_ALL=C sort) >>"$$list"; \
	echo .$(INSTALLED) >>"$$list"; \
	LC_ALL=C sort -u "$$list" >"$$list.new"; \
	install -m 644 "$$list.new" "$$to$(INSTALLED)"; \
	rm "$$list" "$$list.new"

uninstall:
	@set -euo pipefail; to=$(abspath $(DESTDIR)); \
	[ -e "$$to$(INSTALLED)" ] || \
		{ echo "nothing is installed in $$to$(home)" >&2; exit 0; }; \
	echo "  REMOVE  $$to$(prefix)"; \
	mapfile -t paths < <(LC_ALL=C sort -r "$$to$(INSTALLED)"); \
	for path in "$${paths[@]}"; do \
		path=$$to$${path#.}; \
		if [ -d "$$path" ] && [ ! -L "$$path" ]; then \
			rmdir --ignore-fail-on-non-empty "$$path"; \
		else rm -f "$$path"; fi; \
	done

# The package is built from a copy, where its recipe is in debian/ as Debian
# wants it. lintian's word on it is part of lint.
DEB := $(B)/ccm_$(VERSION).deb
deb: $(DEPS_FIRST)
	@rm -rf $(B)/deb && mkdir -p $(B)/deb/ccm-$(VERSION)
	@cp -R Makefile LICENSE README.md lib tools pipelines systemd \
		$(B)/deb/ccm-$(VERSION)
	@mv $(B)/deb/ccm-$(VERSION)/systemd/debian $(B)/deb/ccm-$(VERSION)
	@grep -q '^ccm ($(VERSION)) ' systemd/debian/changelog || \
		{ echo "systemd/debian/changelog is not at $(VERSION)" >&2; exit 1; }
	@echo "  DEB     $(DEB)"
	@cd $(B)/deb/ccm-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL -u MAKEOVERRIDES \
		-u MFLAGS dpkg-buildpackage -us -uc -b >../log 2>&1 || \
		{ tail -n 30 ../log >&2; exit 1; }
	@mv $(B)/deb/ccm_$(VERSION)_*.deb $(DEB)

# Root, or a user with a range of ids of his own (unshare).
IMAGE := $(B)/ccm_$(VERSION).image.tar
image: deb
	@echo "  IMAGE   $(IMAGE)"
	@systemd/make-image $(DEB) $(IMAGE)

# Builds it twice, and runs it in a chroot, which takes root.
check-image: tests image
	B=$(B) DEB=$(abspath $(DEB)) IMAGE=$(abspath $(IMAGE)) \
		prove --timer --failures --comments --exec '' tests/image/image.t

clean:
	rm -rf $(B)
