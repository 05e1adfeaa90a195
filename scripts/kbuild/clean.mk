# SPDX-License-Identifier: MIT

#?= Clean
#? clean            | remove what was built, keep the configuration
#? mrproper         | remove the configuration as well
#? distclean        | remove editors' leftovers as well

.PHONY: clean mrproper distclean
build-dirs := $(wildcard core arch tools tests scripts include/generated)
clean:
	$(Q)$(if $(build-dirs),find $(build-dirs) -type f \( -name '*.[ois]' \
		-o -name '.*.cmd' -o -name '.*.d' -o -name '*.tmp' \) -exec rm -f {} +)
	$(Q)rm -f knlp knlp-test .knlp.cmd .knlp-test.cmd scripts/kbuild/fixdep \
		scripts/kconfig/genparams
	$(Q)rm -rf $(addprefix include/generated/,pkg param-ids.h param-table.c \
		embedded-config.c version.h .params .embed)

mrproper: clean
	$(Q)rm -rf .config .config.old .config.tmp include/config include/generated \
		defconfig build-check
	$(Q)rmdir include 2>/dev/null || :

distclean: mrproper
	$(Q)find $(srctree) -path $(srctree)/.git -prune -o -type f \( -name '*~' \
		-o -name '*.orig' -o -name '*.rej' -o -name '.*.swp' -o -name tags \) \
		-exec rm -f {} +
