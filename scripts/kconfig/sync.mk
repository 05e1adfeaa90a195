# SPDX-License-Identifier: MIT
#
# Read the configuration.  auto.conf is .config as a makefile; auto.conf.cmd
# makes it depend on every Kconfig file and on the facts about this machine.
# When one of these is newer, the rule below makes auto.conf again, and make
# starts over with it.  The same step writes autoconf.h for the C sources, and
# touches include/config/some/name.h for each changed symbol SOME_NAME.

# Kconfig files are named from the top of the source tree.
vpath %Kconfig     $(srctree)
vpath %Kconfig.run $(srctree)

include include/config/auto.conf
-include include/config/auto.conf.cmd

include/config/auto.conf.cmd: ;
include/config/auto.conf: $(KCONFIG_CONFIG) include/config/auto.conf.cmd | scripts/kconfig/genparams
	$(config-sh) sync

# Until that is done, make still has the old symbols.  Nothing more is read then: a
# Kbuild file might not fit them.
config-files    := $(foreach f,$(deps_config),$(firstword $(wildcard $(f) $(srctree)/$(f))))
config-is-stale := $(if $(wildcard include/config/auto.conf),$(shell find $(KCONFIG_CONFIG) \
	$(config-files) -newer include/config/auto.conf),y)
