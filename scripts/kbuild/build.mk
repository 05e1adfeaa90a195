# SPDX-License-Identifier: MIT
#
# Compile the objects that the Kbuild files name, and link two programs:
#
#   knlp       core/ arch/ tools/
#   knlp-test  the same without main(), which is in tools/knlp.c, and tests/

#?= Build
#? all              | build knlp (the default)
#? DIR/             | build the objects below one directory, e.g. core/tensor/
#? DIR/FILE.o       | build one object; .i is preprocessed, .s assembly
#? run              | build, and run the experiment of NAME_defconfig (ARGS= for knlp run)

# ---- which objects: walk the Kbuild files -------------------------------------
# tests/ needs libcheck, so it is read only when a goal asks for it.
test-goals := tests check check-long bench knlp-test knlp-fuzz tests/%
top-dirs   := core arch tools $(if $(filter $(test-goals),$(goals)),tests)

read-dir = $(eval obj := $(1))$(eval include $(srctree)/scripts/kbuild/walk.mk)
walk     = $(read-dir)$(foreach d,$(subdirs-$(1)),$(call walk,$(d)))
# All of one kind (objs, pkgs, libs) at and below directories.
below    = $(foreach d,$(1),$($(2)-$(d)) $(call below,$(subdirs-$(d)),$(2)))

dirs     :=
$(foreach d,$(top-dirs),$(call walk,$(d)))

# Sorted, so that the order of Kbuild lines has no effect on the program.
all-objs       := $(sort $(call below,$(top-dirs),objs))
knlp-objs      := $(filter-out tests/%,$(all-objs))
knlp-test-objs := $(filter-out tools/knlp.o,$(all-objs))
# libFuzzer brings its main().
knlp-fuzz-objs := $(filter-out tools/knlp.o tests/fuzz/test-%,$(knlp-objs) \
	$(filter tests/fuzz/%,$(all-objs)))
all-pkgs       := $(sort $(call below,$(top-dirs),pkgs))
knlp-libs      := $(sort $(call below,core arch tools,libs))
knlp-test-libs := $(sort $(call below,$(top-dirs),libs))
knlp-fuzz-libs := $(knlp-test-libs)
knlp-pkgs      := $(sort $(call below,core arch tools,pkgs))

# ---- what must be there before anything is compiled ------------------------------
$(shell mkdir -p $(dirs) include/generated/pkg)

# pkg-config runs once per library; make reads the answers by -include, which
# makes those that do not exist.
quiet_cmd_pkg = PKG     $(*F)
      cmd_pkg = sh $(srctree)/scripts/kbuild/pkg.sh $(PKG_CONFIG) $(*F) > $@
include/generated/pkg/%.mk:
	$(Q)$(call echo-cmd,pkg) $(cmd_pkg)
include $(patsubst %,include/generated/pkg/%.mk,$(all-pkgs))

# The run parameters, from all Kconfig.run files that the configuration read.
# param-ids.h is included by many sources, so it keeps its date while its text
# is the same; the stamp says when it was last looked at.
run-files := $(sort $(filter %Kconfig.run,$(patsubst $(srctree)/%,%,$(deps_config))))
gen       := include/generated

# genparams runs in the source tree, so that its output names no directories of
# this machine.  Nor does the command, by OLDPWD, so that an object tree can be moved.
genparams  := cd $(srctree) && $$OLDPWD/scripts/kconfig/genparams
dot-config := $(if $(filter /%,$(KCONFIG_CONFIG)),,$$OLDPWD/)$(KCONFIG_CONFIG)

quiet_cmd_params = GEN     $(gen)/param-ids.h
      cmd_params = ($(genparams) ids $(run-files)) > $(gen)/param-ids.h.tmp; \
	($(genparams) table $(run-files)) > $(gen)/param-table.c.tmp; \
	$(call move-if-changed,$(gen)/param-ids.h); \
	$(call move-if-changed,$(gen)/param-table.c); touch $@
$(gen)/.params: scripts/kconfig/genparams $(addprefix $(srctree)/,$(run-files)) FORCE
	$(call if_changed,params)
$(gen)/param-ids.h $(gen)/param-table.c: $(gen)/.params ;

# The configuration as a C file, so that a program can tell how it was built.
# Comparing keeps the object when .config has a new date but the same values.
quiet_cmd_embed = GEN     $(gen)/embedded-config.c
      cmd_embed = ($(genparams) embed $(dot-config) $(run-files)) > $(gen)/embedded-config.c.tmp; \
	$(call move-if-changed,$(gen)/embedded-config.c); touch $@
$(gen)/.embed: scripts/kconfig/genparams $(KCONFIG_CONFIG) FORCE
	$(call if_changed,embed)
$(gen)/embedded-config.c: $(gen)/.embed ;

# Asks git each time, so that results can name the commit they come from.
$(gen)/version.h: FORCE
	@sh $(srctree)/scripts/kbuild/version.sh $(srctree) $(KNLP_VERSION) > $@.tmp
	@$(call move-if-changed,$@)

# What a module must agree with the program about: headers and features.
abi-headers := $(wildcard $(srctree)/core/*/*.h $(srctree)/arch/*/*.h $(srctree)/tools/*.h)
$(gen)/.abi: $(abi-headers) $(gen)/embedded-config.c $(gen)/param-ids.h
	@{ cat $(abi-headers) $(gen)/param-ids.h; \
		sed -n '/config_features/,$$p' $(gen)/embedded-config.c; } | sha256sum | \
		sed 's/^\(.\{32\}\).*/#define KNLP_ABI "\1"/' > $(gen)/abi.h.tmp
	@$(call move-if-changed,$(gen)/abi.h); touch $@
$(gen)/abi.h: $(gen)/.abi ;

prepare := scripts/kbuild/fixdep $(gen)/param-ids.h $(gen)/version.h $(gen)/abi.h

# ---- compile ------------------------------------------------------------------------
# Flags of one object: its own, its directory's, and its directory's libraries'.
o-name     = $(basename $@).o
file-flags = $(flags-$(o-name)) $(foreach p,$(pkgs-$(patsubst %/,%,$(@D))),$(pkg-cflags-$(p)))

c-flags    = $(KNLP_CPPFLAGS) $(KNLP_CFLAGS) $(file-flags) $(EXTRA_CFLAGS) $(fuzz-flags)
quiet_cmd_cc = CC      $@
      cmd_cc = $(CC) -MMD -MF $(depfile) $(c-flags) -c -o $@ $<

# CUDA sources: by nvcc, or as C++ for the host, where blocks are loops.
quiet_cmd_nvcc = NVCC    $@
      cmd_nvcc = $(NVCC) -MMD -MF $(depfile) $(KNLP_CPPFLAGS) $(KNLP_NVCCFLAGS) $(file-flags) -c -o $@ $<
quiet_cmd_cuhost = CUHOST  $@
      cmd_cuhost = $(CXX) -x c++ -MMD -MF $(depfile) $(KNLP_CPPFLAGS) $(KNLP_CXXFLAGS) $(file-flags) $(EXTRA_CFLAGS) -c -o $@ $<

# A pattern without a slash would be matched against the file name alone.
define compile-rules
$(1)/%.o: $(srctree)/$(1)/%.c FORCE | $(prepare)
	$$(call if_changed_dep,cc)
$(1)/%.o: $(srctree)/$(1)/%.cu FORCE | $(prepare)
	$$(call if_changed_dep,$$(if $$(CONFIG_CUDA),nvcc,cuhost))
$(1)/%.i: $(srctree)/$(1)/%.c FORCE | $(prepare)
	$$(Q)$$(CC) $$(c-flags) -E -o $$@ $$<
$(1)/%.s: $(srctree)/$(1)/%.c FORCE | $(prepare)
	$$(Q)$$(CC) $$(c-flags) -S -o $$@ $$<
endef
$(foreach d,$(top-dirs),$(eval $(call compile-rules,$(d))))

# Generated sources belong to core/base, whatever directory they are made in.
core/base/param-table.o: $(gen)/param-table.c FORCE | $(prepare)
	$(call if_changed_dep,cc)
core/base/embedded-config.o: $(gen)/embedded-config.c FORCE | $(prepare)
	$(call if_changed_dep,cc)

# `make core/tensor/`
.PHONY: $(addsuffix /,$(dirs))
$(foreach d,$(dirs),$(eval $(d)/: $(call below,$(d),objs)))

# ---- link -----------------------------------------------------------------------------
link-flags = $(KNLP_CFLAGS) $(KNLP_LDFLAGS) $(EXTRA_CFLAGS) $(EXTRA_LDFLAGS)
pkg-libs   = $(foreach p,$(1),$(pkg-libs-$(p)))
quiet_cmd_link = LD      $@
      cmd_link = $(CC) $(link-flags) -o $@ $($@-objs) $($@-libs) $(call pkg-libs,$($@-pkgs)) $(KNLP_LDLIBS)
knlp-test-pkgs := $(all-pkgs)
knlp-fuzz-pkgs := $(all-pkgs)

.PHONY: all tests run
all: knlp
# Where plans lie, and the data that they name.
run: knlp
	$(Q)cd $(srctree) && $(objtree)/knlp run $(ARGS)
knlp: $(knlp-objs) FORCE
	$(call if_changed,link)
ifneq ($(filter tests,$(top-dirs)),)
ifneq ($(CONFIG_ORACLES),)
knlp-test: $(knlp-test-objs) FORCE
	$(call if_changed,link)
else
# A rule and no $(error): the configuration may be about to change.
knlp-test:
	@echo 'knlp-test needs CONFIG_ORACLES=y' >&2; exit 1
endif
tests: knlp knlp-test
ifneq ($(FUZZ),)
knlp-fuzz: EXTRA_LDFLAGS += $(FUZZ_LDFLAGS)
knlp-fuzz: $(knlp-fuzz-objs) FORCE
	$(call if_changed,link)
endif
endif

# The saved commands and prerequisites of everything above.
-include $(foreach f,$(all-objs) knlp knlp-test knlp-fuzz \
	$(gen)/.params $(gen)/.embed,$(dir $(f)).$(notdir $(f)).cmd)
