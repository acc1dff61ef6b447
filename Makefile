# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# cgward: bpf -> skeletons -> library -> command -> check -> install
#
#   make [O=dir] [V=1] [BPF=0] [SYSTEMD=0] [SANITIZE=1] [WERROR=1] [CC=clang]

VERSION = 0.1.0
SONAME = libcgward.so.0

O ?= build
BPF ?= 1
SYSTEMD ?= 1

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
SBINDIR ?= $(PREFIX)/sbin
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
COMPDIR ?= $(PREFIX)/share/bash-completion/completions

CLANG ?= clang
BPFTOOL ?= $(firstword $(shell command -v bpftool /usr/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
SCDOC ?= scdoc
INSTALL ?= install
CFLAGS ?= -O2 -g

ifeq ($(V),1)
Q =
msg =
else
Q = @
msg = @$(if $(findstring s,$(firstword -$(MAKEFLAGS))),:,printf '  %-8s %s\n' $(1) $(2))
endif

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla \
	-Wformat=2 -Wdeclaration-after-statement -Wno-missing-field-initializers -Wno-unknown-warning-option \
	-Wno-format-truncation \
	$(if $(WERROR),-Werror)
comma := ,
sanitizers = address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SAN = $(if $(SANITIZE),-fsanitize=$(sanitizers))

PKGS = libcap json-c zlib $(if $(filter 1,$(BPF)),libbpf)
FEATURES = $(if $(filter 1,$(BPF)),+bpf,-bpf) $(if $(filter 1,$(SYSTEMD)),+systemd,-systemd)

cpp = -D_GNU_SOURCE -Iuser/include -Iskeletons -DCGWARD_VERSION='"$(VERSION)"' \
	-DCGWARD_FEATURES='"$(FEATURES)"' $(CPPFLAGS) \
	$(filter-out -I/usr/include,$(shell $(PKG_CONFIG) --cflags $(PKGS)))
cc = $(CC) -std=gnu11 $(WARNINGS) $(SAN) -fPIC -fvisibility=hidden -MMD -MP $(cpp) $(CFLAGS)
libs = $(shell $(PKG_CONFIG) --libs $(PKGS)) -lm

# with BPF=0 nobpf.c stands for these
bpf-src = $(addprefix user/lib/,blockers_iter.c bpf_log.c device.c device_check.c device_loader.c \
	device_lock.c device_own.c learn.c programs.c trace.c trace_deny.c trace_freeze.c trace_lifecycle.c trace_loader.c \
	trace_names.c trace_oom.c unload.c)
# with SYSTEMD=0 nosystemd.c does; libsystemd itself is loaded at run time
systemd-src = $(addprefix user/lib/,systemd.c systemd_bus.c systemd_start.c)
lib-src = $(filter-out $(if $(filter 1,$(BPF)),user/lib/nobpf.c,$(bpf-src)) \
	$(if $(filter 1,$(SYSTEMD)),user/lib/nosystemd.c,$(systemd-src)),$(sort $(wildcard user/lib/*.c)))
lib-obj = $(lib-src:user/lib/%.c=$O/lib/%.o)
cmd-obj = $(patsubst user/cmd/%.c,$O/cmd/%.o,$(sort $(wildcard user/cmd/*.c)))
bpf-objects = $(patsubst bpf/%.bpf.c,%,$(sort $(wildcard bpf/*.bpf.c)))
skeletons = $(if $(filter 1,$(BPF)),$(bpf-objects:%=skeletons/%.skel.h))
# what a program of a policy's own is made of is of no use without the library
skeleton-headers = $(filter-out %/own.skel.h,$(skeletons))
headers = cgward.h policy.h trace.h

fuzz = $(filter-out main,$(patsubst tests/fuzz_%.c,%,$(sort $(wildcard tests/fuzz_*.c))))
# what includes a skeleton or libbpf needs one
bpf-tests = $(if $(filter-out 1,$(BPF)),$(addprefix tests/,live_embed.c live_lifecycle.c live_lock.c live_oom.c \
	live_order.c live_trace.c unit_oom.c unit_trace.c))
systemd-tests = $(if $(filter-out 1,$(SYSTEMD)),tests/unit_bus.c)
test-src = $(filter-out $(bpf-tests) $(systemd-tests),$(sort $(wildcard tests/unit_*.c tests/live_*.c) $(fuzz:%=tests/fuzz_%.c)))
test-lib = $(addprefix $O/tests/,cgtest.o devtest.o evtest.o tap.o tracetest.o)
tests = $(test-src:tests/%.c=$O/tests/%) $(addprefix $O/tests/,opener residue stuck verbs)
unit = $(filter $O/tests/unit_% $O/tests/fuzz_%,$(tests)) $(sort $(wildcard tests/test_*.sh))
live = $(filter $O/tests/live_%,$(tests)) $(sort $(wildcard tests/live_*.sh))
bench-common = $(addprefix $O/bench/,bench.o crun.o groups.o isolate.o peers.o programs.o)
bench-devices = $(addprefix $O/bench/,apply.o check.o command.o devices.o memory.o)
man = $(patsubst user/man/%.scd,$O/man/%,$(sort $(wildcard user/man/*.scd)))

all: $O/cgward $O/libcgward.a $O/libcgward.so

# What was asked for: when it changes, everything is compiled again.
ifeq ($(filter clean dist tags,$(MAKECMDGOALS)),)
config = $(VERSION) $(FEATURES) $(CC) $(SAN) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
$(shell mkdir -p $O; echo '$(config)' | cmp -s - $O/config || echo '$(config)' > $O/config)
endif

# --- BPF objects and skeletons; a tarball has the skeletons and needs neither tool ---

bpf-arch = $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/;s/ppc64.*/powerpc/;s/riscv64/riscv/')

# What they include is named here too: skeletons/ serves every O=, a depfile only its own.
$O/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.bpf.h) vmlinux/vmlinux.h $(wildcard user/include/cgward/*.h)
	$(call msg,CLANG,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter -D__TARGET_ARCH_$(bpf-arch) -Ivmlinux \
		-Iuser/include -fdebug-prefix-map=$(CURDIR)=. -MMD -MP -MF $(@:.o=.d) -MT $@ -c $< \
		-o $(@:.o=.tmp.o)
	$(Q)$(BPFTOOL) gen object $@ $(@:.o=.tmp.o)
	$(Q)rm -f $(@:.o=.tmp.o)

ifneq ($(wildcard bpf/.skeletons-shipped),)
skeletons/%.skel.h: ;
else
skeletons/%.skel.h: $O/bpf/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name cgw_$*_bpf > $@.$$$$ && mv $@.$$$$ $@
endif
.SECONDARY:

# --- library ---

$O/lib/%.o: user/lib/%.c $O/config | $(skeletons)
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(cc) -c $< -o $@

$O/libcgward.a: $(lib-obj)
	$(call msg,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$O/$(SONAME): $(lib-obj) user/lib/libcgward.map
	$(call msg,LD,$@)
	$(Q)$(CC) -shared $(SAN) -Wl,-soname,$(SONAME) -Wl,--version-script=user/lib/libcgward.map \
		$(if $(SANITIZE),,-Wl$(comma)-z$(comma)defs) $(CFLAGS) $(LDFLAGS) -o $@ $(lib-obj) $(libs)

$O/libcgward.so: $O/$(SONAME)
	$(Q)ln -sf $(SONAME) $@

$O/libcgward.pc: user/lib/libcgward.pc.in FORCE
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' -e 's|@PKGS@|$(PKGS)|' $< > $@

# --- command ---

$O/cmd/%.o: user/cmd/%.c $O/config
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(cc) -c $< -o $@

$O/cgward: $(cmd-obj) $O/libcgward.a
	$(call msg,LD,$@)
	$(Q)$(CC) $(SAN) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(libs)

$O/man/%: user/man/%.scd
	$(call msg,SCDOC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(SCDOC) < $< > $@

man: $(man)

# --- tests ---

$O/tests/%.o: tests/%.c $O/config | $(skeletons)
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(cc) -Iuser/lib -c $< -o $@

$(fuzz:%=$O/tests/fuzz_%): $O/tests/fuzz_main.o

$O/tests/unit_bus: libs += $(shell $(PKG_CONFIG) --libs libsystemd)

$O/tests/%: $O/tests/%.o $(test-lib) $O/libcgward.a
	$(call msg,LD,$@)
	$(Q)$(CC) $(SAN) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(libs)

tests: all $(tests)

test-env = CGWARD=$O/cgward CGW_RESIDUE=$O/tests/residue CGW_TESTS=$O/tests

check: check-unit check-live check-build check-vm

check-unit: tests
	$(Q)$(test-env) scripts/tap-run -n unit -t 600 $(unit)

check-live: tests
	$(Q)$(test-env) scripts/tap-run -n live -t 900 $(live)

check-build: all
	$(Q)$(test-env) scripts/tap-run -n build -t 3600 tests/build.sh

check-valgrind: tests
	$(Q)$(test-env) CGW_SCALE=100 scripts/tap-run -n valgrind -t 3600 tests/valgrind.sh

check-vm: tests
	$(Q)scripts/check-vm -o $O $(if $(SANITIZE),6.1 6.12)

check-abi: $O/libcgward.so
	$(Q)scripts/check-abi user/include/cgward/cgward.h user/lib/libcgward.map $O/libcgward.so

check-lint: $(skeletons)
	$(Q)$(test-env) scripts/tap-run -n lint -t 3600 tests/lint.sh

$O/bench/%.o: bench/%.c $O/config | $(skeletons)
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(cc) -Iuser/lib -c $< -o $@

$O/bench/devices: $(bench-devices)
$O/bench/resources: $O/bench/resources.o
$O/bench/frozen: $O/bench/frozen.o
$O/bench/oom: $O/bench/oom.o
$O/bench/tracers: $O/bench/tracers.o
$O/bench/devices $O/bench/frozen $O/bench/oom $O/bench/resources $O/bench/tracers: $(bench-common) $O/libcgward.a
	$(call msg,LD,$@)
	$(Q)$(CC) $(SAN) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(libs)

$O/bench/true: bench/true.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -static -o $@ $<

# The runtimes' own code is Go, in packages; scripts/deps bench gets both.
gocode = /usr/share/gocode
go-src = $(sort $(wildcard bench/peers/*.go))
go-has = $(and $(wildcard /usr/bin/go),$(wildcard $(gocode)/src/github.com/containerd/cgroups/v2),\
	$(wildcard $(gocode)/src/github.com/opencontainers/runc/libcontainer/cgroups/ebpf))

$O/bench/peers: $(go-src)
	$(call msg,GO,$@)
	$(Q)mkdir -p $(@D)
	$(Q)GO111MODULE=off GOFLAGS= GOPATH=$(gocode) GOCACHE=$(abspath $O)/go-cache /usr/bin/go build -o $@ $^

bench: $O/bench/devices $O/bench/frozen $O/bench/oom $O/bench/resources $O/bench/tracers $O/bench/true $O/cgward $(if $(go-has),$O/bench/peers)
	$(Q)bench/run -o $O

# --- fuzzing: libFuzzer, and a library compiled for it ---

FUZZ_SECONDS ?= 60

$O/fuzz/%: CC = $(CLANG)
$O/fuzz/%: SAN = -fsanitize=fuzzer-no-link$(comma)$(sanitizers)

$O/fuzz/lib/%.o: user/lib/%.c $O/config | $(skeletons)
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(cc) -c $< -o $@

$O/fuzz/tests/%.o: tests/%.c $O/config
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(cc) -Iuser/lib -c $< -o $@

$O/fuzz/%: $O/fuzz/tests/fuzz_%.o $(patsubst $O/%,$O/fuzz/%,$(test-lib) $(lib-obj))
	$(call msg,LD,$@)
	$(Q)$(CC) -fsanitize=fuzzer$(comma)$(sanitizers) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(libs)

fuzz: $(fuzz:%=$O/fuzz/%)
	$(Q)scripts/fuzz -o $O -t $(FUZZ_SECONDS) $(fuzz)

# --- install, dist ---

install: all man $O/libcgward.pc
	$(call msg,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)$(INSTALL) -d $(addprefix $(DESTDIR),$(SBINDIR) $(LIBDIR)/pkgconfig $(MANDIR)/man8 $(MANDIR)/man3 \
		$(INCLUDEDIR)/cgward $(COMPDIR))
	$(Q)$(INSTALL) -m 755 $O/cgward $(DESTDIR)$(SBINDIR)/
	$(Q)$(INSTALL) -m 755 $O/$(SONAME) $(DESTDIR)$(LIBDIR)/$(SONAME).$(VERSION)
	$(Q)ln -sf $(SONAME).$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	$(Q)ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libcgward.so
	$(Q)$(INSTALL) -m 644 $O/libcgward.a $(DESTDIR)$(LIBDIR)/
	$(Q)$(INSTALL) -m 644 $O/libcgward.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	$(Q)$(INSTALL) -m 644 $(addprefix user/include/cgward/,$(headers)) $(skeleton-headers) $(DESTDIR)$(INCLUDEDIR)/cgward/
	$(Q)$(INSTALL) -m 644 $O/man/cgward.8 $(DESTDIR)$(MANDIR)/man8/
	$(Q)$(INSTALL) -m 644 $O/man/libcgward.3 $(DESTDIR)$(MANDIR)/man3/
	$(Q)$(INSTALL) -m 644 user/cmd/cgward.bash $(DESTDIR)$(COMPDIR)/cgward

uninstall:
	$(Q)rm -f $(DESTDIR)$(SBINDIR)/cgward $(DESTDIR)$(LIBDIR)/libcgward.a $(DESTDIR)$(LIBDIR)/libcgward.so \
		$(DESTDIR)$(LIBDIR)/$(SONAME) $(DESTDIR)$(LIBDIR)/$(SONAME).$(VERSION) \
		$(DESTDIR)$(LIBDIR)/pkgconfig/libcgward.pc $(DESTDIR)$(MANDIR)/man8/cgward.8 \
		$(DESTDIR)$(MANDIR)/man3/libcgward.3 $(DESTDIR)$(COMPDIR)/cgward
	$(Q)rm -rf $(DESTDIR)$(INCLUDEDIR)/cgward

dist: $(skeletons)
	$(Q)scripts/dist $(VERSION)

clean:
	$(Q)rm -rf $O skeletons/*.skel.h

tags:
	$(Q)ctags -R bpf user tests

.PHONY: all man tests check check-unit check-live check-build check-valgrind check-vm check-abi \
	check-lint bench fuzz install uninstall dist clean tags FORCE
.DELETE_ON_ERROR:

-include $(wildcard $O/lib/*.d $O/cmd/*.d $O/tests/*.d $O/bench/*.d $O/bpf/*.d \
	$O/fuzz/lib/*.d $O/fuzz/tests/*.d)
