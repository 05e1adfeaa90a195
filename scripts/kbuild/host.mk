# SPDX-License-Identifier: MIT
#
# Programs that the build itself needs; they run on the machine that builds.

$(shell mkdir -p scripts/kbuild scripts/kconfig)
host-progs := scripts/kbuild/fixdep scripts/kconfig/genparams
host-flags := -std=gnu11 -O1 -Wall -Wextra -I$(srctree)/core

quiet_cmd_hostcc = HOSTCC  $@
      cmd_hostcc = $(HOSTCC) $(host-flags) -o $@ $<
scripts/kbuild/fixdep: %: $(srctree)/%.c FORCE
	$(call if_changed,hostcc)

# genparams checks values with sources of core/base, which it includes.
quiet_cmd_hostcc_dep = HOSTCC  $@
      cmd_hostcc_dep = $(HOSTCC) -MMD -MF $(depfile) $(host-flags) -o $@ $<
scripts/kconfig/genparams: %: $(srctree)/%.c FORCE | scripts/kbuild/fixdep
	$(call if_changed_dep,hostcc_dep)

-include $(foreach f,$(host-progs),$(dir $(f)).$(notdir $(f)).cmd)
