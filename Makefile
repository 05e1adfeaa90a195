# SPDX-License-Identifier: MIT
#
# knlp is configured with Kconfig and built from Kbuild files, like the Linux
# kernel.  `make help` lists the targets; Documentation/build.md explains how
# to add a file, a directory, a library or a symbol.
#
#   Makefile                 this file: V=, O=, tools, which part to include
#   scripts/kconfig/Makefile everything that writes .config
#   scripts/kbuild/flags.mk  compiler and linker flags
#   scripts/kbuild/walk.mk   reads the Kbuild file of one directory
#   scripts/kbuild/build.mk  compile and link
#   scripts/kbuild/*.mk      and the rest: host programs, tests, install, clean
#
# One make process reads the Kbuild files of all directories (the kernel starts
# one per directory).  So it sees every dependency at once, a build with
# nothing to do is quick, and the objects go to the linker by name: there are
# no archives from which a self-registering object could be dropped.

VERSION    := 0
PATCHLEVEL := 1
SUBLEVEL   := 0
KNLP_VERSION := $(VERSION).$(PATCHLEVEL).$(SUBLEVEL)

MAKEFLAGS += -rR --no-print-directory
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# The source tree is where this file lies, the object tree where make runs.
srctree := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
objtree := $(CURDIR)
goals   := $(or $(MAKECMDGOALS),all)

ifneq ($(words $(srctree) $(objtree)),2)
$(error the paths of the source and object trees may not contain spaces)
endif

# ---- how much to print ------------------------------------------------------
# A command has two names: cmd_x, and quiet_cmd_x, its short form.  V=1 prints
# the former, the default the latter, -s nothing.
ifeq ($(V),1)
  quiet :=
  Q :=
else
  quiet := quiet_
  Q := @
endif
ifneq ($(findstring s,$(firstword -$(filter-out --%,$(MAKEFLAGS)))),)
  quiet := silent_
endif

ifneq ($(filter-out $(CURDIR),$(if $(O),$(abspath $(O)))),)
# ---- O=dir: run again, there --------------------------------------------------
.PHONY: $(goals) enter-objtree
$(goals): enter-objtree
	@:
enter-objtree:
	@mkdir -p $(O)
	@# So that plain `make` works in the object tree as well.
	@[ -e $(O)/Makefile ] || printf '%s\n' '# Made by make O=' \
		'include $(abspath $(srctree))/Makefile' > $(O)/Makefile
	$(Q)$(MAKE) -C $(O) -f $(abspath $(srctree))/Makefile O= $(MAKECMDGOALS)

else
# ---- goals that change what the others read run alone, one after the other -----
config-goals := menuconfig nconfig oldconfig olddefconfig savedefconfig \
	allyesconfig allnoconfig alldefconfig tinyconfig randconfig \
	defconfig %_defconfig
clean-goals  := clean mrproper distclean
# These need no .config.
free-goals   := $(config-goals) $(clean-goals) help listdefconfigs lint \
	format format-check fuzz dist uninstall

ifneq ($(and $(filter $(config-goals) $(clean-goals),$(goals)),$(word 2,$(goals))),)
.PHONY: $(goals) one-by-one
$(goals): one-by-one
	@:
one-by-one:
	$(Q)set -e; for goal in $(goals); do \
		$(MAKE) -f $(srctree)/Makefile $$goal; \
	done

else
# ---- tools ------------------------------------------------------------------------
# Each may come from the command line or the environment.  make has built-in
# values for CC and AR, hence no ?=.
from-make = $(filter default undefined,$(origin $(1)))
ifneq ($(call from-make,CC),)
  CC := gcc
endif
ifneq ($(call from-make,CXX),)
  CXX := g++
endif
HOSTCC     ?= gcc
NVCC       ?= $(firstword $(shell command -v nvcc) $(wildcard /usr/local/cuda/bin/nvcc) nvcc)
PKG_CONFIG ?= pkg-config
KCONF      ?= kconfig-conf
MCONF      ?= kconfig-mconf
NCONF      ?= kconfig-nconf
NVCC       := $(NVCC)

# Facts about this machine, which Kconfig reads by `option env`: version 4.11
# of its language cannot run a command.
KNLP_HAVE_NVCC   := $(if $(shell command -v $(NVCC)),y,n)
KNLP_CC_IS_CLANG := $(if $(findstring clang,$(notdir $(firstword $(CC)))),y,n)
KCONFIG_CONFIG   ?= .config

include $(srctree)/scripts/kbuild/kbuild.mk
include $(srctree)/scripts/kbuild/host.mk
include $(srctree)/scripts/kconfig/Makefile
include $(srctree)/scripts/kbuild/test.mk
include $(srctree)/scripts/kbuild/install.mk
include $(srctree)/scripts/kbuild/clean.mk

ifneq ($(filter-out $(free-goals),$(goals)),)
ifeq ($(wildcard $(KCONFIG_CONFIG)),)
$(error no $(KCONFIG_CONFIG) here: run `make defconfig` or `make menuconfig` first)
endif
include $(srctree)/scripts/kconfig/sync.mk
ifeq ($(config-is-stale),)
include $(srctree)/scripts/kbuild/flags.mk
include $(srctree)/scripts/kbuild/build.mk
endif
endif

# ---- help ----------------------------------------------------------------------
# Targets are described where they are defined: "#?= HEADING" and
# "#? TARGET | what it does".
help-from := $(addprefix scripts/,kbuild/build.mk kbuild/test.mk \
	kconfig/Makefile kbuild/install.mk kbuild/clean.mk)
.PHONY: help FORCE
help:
	@cd $(srctree) && awk -F ' *[|] *' \
		'/^#[?]= / { print "\n" substr($$0, 5) ":" } \
		 /^#[?] /  { printf "  %-18s %s\n", substr($$1, 4), $$2 }' $(help-from)
	@printf '\nSettings, on the command line:\n'
	@printf '  %-18s %s\n' 'V=1' 'print whole commands (-s: print nothing)' \
		'O=DIR' 'build in DIR, leave the source tree alone' \
		'W=1' 'more warnings' \
		'SAN=LIST' 'sanitizers: address,undefined or thread' \
		'LTO=1' 'link-time optimization, as CONFIG_LTO does (LTO=0: without)' \
		'CC= CXX= HOSTCC=' 'other compilers; CC=clang works' \
		'EXTRA_CFLAGS=' 'flags after all others (EXTRA_LDFLAGS= too)' \
		'ARGS=' 'options of knlp run, for make run' \
		'DESTDIR= PREFIX=' 'where to install (PREFIX is /usr/local)'
FORCE:
endif
endif
