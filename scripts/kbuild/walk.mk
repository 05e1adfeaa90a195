# SPDX-License-Identifier: MIT
#
# Read the Kbuild file of directory $(obj).  build.mk includes this file once
# for each directory, so that each starts with empty variables; what it says is
# kept under names that end in the directory or the object.
#
# A Kbuild file may set
#
#   obj-y += file.o dir/        or obj-$(CONFIG_X) += ...
#   cflags-y += -Dx             flags for all objects of this directory
#   CFLAGS_file.o := -mavx2     flags for one object
#   pkgs-y += yaml-0.1          libraries, by their pkg-config names
#   ldlibs-y += -ldl            libraries without pkg-config
#
# or contain rules, whose targets begin with $(obj)/ and whose sources begin
# with $(src)/.  Recipes run after all directories were read: there, say $@, $<
# and $(@D), not $(obj).

obj-y    :=
obj-n    :=
obj-     :=
cflags-y :=
pkgs-y   :=
ldlibs-y :=
src      := $(srctree)/$(obj)

include $(src)/Kbuild

dirs           += $(obj)
subdirs-$(obj) := $(patsubst %/,$(obj)/%,$(filter %/,$(obj-y)))
objs-$(obj)    := $(addprefix $(obj)/,$(filter %.o,$(obj-y)))
pkgs-$(obj)    := $(pkgs-y)
libs-$(obj)    := $(ldlibs-y)
$(foreach o,$(filter %.o,$(obj-y)),$(eval flags-$(obj)/$(o) := $(cflags-y) $(CFLAGS_$(o))))
# Another directory may have a file of the same name.
$(foreach o,$(filter %.o,$(obj-y) $(obj-n) $(obj-)),$(eval undefine CFLAGS_$(o)))

ifneq ($(filter-out %.o %/,$(obj-y)),)
$(error $(obj)/Kbuild: neither an object nor a directory: $(filter-out %.o %/,$(obj-y)))
endif
