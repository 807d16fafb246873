# SPDX-License-Identifier: Apache-2.0
# CROSS=aarch64-linux-gnu or CROSS=s390x-linux-gnu, included by the Makefile: builds for that machine
# with Debian's cross compiler, in a folder of its own, and runs what was built under qemu's emulation
# of a user's process. Libraries come from a folder of unpacked packages, not from the system's package
# database: not every development package can be installed for two machines at once.

CROSS_CPU := $(firstword $(subst -, ,$(CROSS)))
CROSS_DEBIAN_aarch64 := arm64
CROSS_DEBIAN := $(or $(CROSS_DEBIAN_$(CROSS_CPU)),$(CROSS_CPU))
SYSROOT := build/sysroot-$(CROSS)

CC := $(CROSS)-gcc --sysroot=$(SYSROOT)
CXX := $(CROSS)-g++ --sysroot=$(SYSROOT)
AR := $(CROSS)-ar
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(CROSS)/pkgconfig pkg-config
B := build/$(MODE)-$(CROSS)
EMULATOR := qemu-$(CROSS_CPU) -L $(CURDIR)/$(SYSROOT)

packages: $(SYSROOT)/complete
$(SYSROOT)/complete: packages.txt tests/cross/sysroot | commands
	tests/cross/sysroot $(CROSS_DEBIAN) $(@D)
	@touch $@

# Tests start the program by its path, and the kernel runs no foreign binary.
$(B)/sluice.emulated: $(B)/sluice
	@printf '#!/bin/sh\nexec %s "$$@"\n' '$(EMULATOR) $(CURDIR)/$<' >$@
	@chmod +x $@

# What the emulation of a process does not show: its limits, its name under /proc.
NOT_EMULATED := tests/unit/base/test_machine tests/unit/net/test_listener
# It is ten times slower, and what runs hundreds of thousands of rounds has to end all the same.
TEST_TIMEOUT := 1200
# What this warning finds depends on what is inlined, which is for the machine that all is tested on to say.
CFLAGS += -Wno-error=null-dereference
