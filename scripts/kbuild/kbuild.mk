# SPDX-License-Identifier: MIT
#
# Words that the other makefiles use: quiet printing, and "run this command
# again if it would differ from the last time".
#
# For a rule `x: y FORCE` with `$(call if_changed,cc)`, the variable cmd_cc is
# the command and quiet_cmd_cc its short form.  The command is kept in .x.cmd
# as saved_x; it runs when y is newer than x or when cmd_cc is no longer the
# same, for example because a flag changed.

pound  := \#
squote := '
comma  := ,
empty  :=
space  := $(empty) $(empty)

# Kconfig gives strings to make with their quotes.
unquote = $(patsubst "%",%,$(1))

sh-quote   = '$(subst $(squote),'\$(squote)',$(1))'
# Make an old command survive being read back as a makefile.
mk-escape  = $(subst $(pound),$$(pound),$(subst $$,$$$$,$(1)))
cmd-file   = $(dir $@).$(notdir $@).cmd
depfile    = $(dir $@).$(notdir $@).d
new-prereq = $(filter-out FORCE,$?)
# Empty when both are the same text.
differ     = $(subst $(strip $(1)),,$(strip $(2)))$(subst $(strip $(2)),,$(strip $(1)))
cmd-is-new = $(if $(saved_$@),$(call differ,$(saved_$@),$(cmd_$(1))),y)
echo-cmd   = $(if $($(quiet)cmd_$(1)),echo $(call sh-quote,  $($(quiet)cmd_$(1)));)
# With V=1 the whole command is printed, as it is.
say        = $(if $(filter quiet_,$(quiet)),@printf '  %-7s %s\n' '$(1)' '$(2)',@:)

save-cmd = printf '%s\n' $(call sh-quote,saved_$@ := $(call mk-escape,$(strip $(cmd_$(1))))) > $(cmd-file)
if_changed = $(if $(new-prereq)$(call cmd-is-new,$(1)),@set -e; \
	$(call echo-cmd,$(1)) $(cmd_$(1)); $(save-cmd),@:)

# The same for compilers that write $(depfile): fixdep turns it into a list of
# prerequisites with one stamp per CONFIG_ symbol that the files mention.
if_changed_dep = $(if $(new-prereq)$(call cmd-is-new,$(1)),@set -e; \
	$(call echo-cmd,$(1)) $(cmd_$(1)); \
	scripts/kbuild/fixdep $(depfile) $@ \
		$(call sh-quote,$(call mk-escape,$(strip $(cmd_$(1))))) > $(cmd-file); \
	rm -f $(depfile),@:)

# Put what a command prints into file $(1), but leave an equal file as it is, so
# that nothing that depends on it is built again.
move-if-changed = if cmp -s $(1).tmp $(1); then rm -f $(1).tmp; else mv -f $(1).tmp $(1); fi
