# SPDX-License-Identifier: MIT

#?= Install
#? install          | program, manual pages, completion, documentation, defconfigs
#? uninstall        | remove them
#? dist             | a source archive of the last commit

# The program finds its data from where it lies itself, at ../share/knlp, so that
# nothing is compiled again for another PREFIX.
PREFIX ?= /usr/local
bindir := $(DESTDIR)$(PREFIX)/bin
mandir := $(DESTDIR)$(PREFIX)/share/man/man1
docdir := $(DESTDIR)$(PREFIX)/share/doc/knlp
datadir := $(DESTDIR)$(PREFIX)/share/knlp
bash-completion := $(DESTDIR)$(PREFIX)/share/bash-completion/completions/knlp
zsh-completion  := $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_knlp

# Documentation/knlp*.md are the manual pages of section 1.
man-pages := $(notdir $(basename $(wildcard $(srctree)/Documentation/knlp*.md)))

# copy-tree FROM,TO: the files below a directory, with its structure
copy-tree = cd $(1) && find . -type f -exec sh -c 'to=$$1; shift; for f; do \
	install -D -m 644 "$$f" "$$to/$$f" || exit 1; done' sh $(abspath $(2)) {} +

# install-completion SHELL,TO: a program for another processor cannot print it, and
# everything else works without.
install-completion = if ./knlp completion $(1) > knlp.completion 2>/dev/null; \
	then install -D -m 644 knlp.completion $(2) || exit 1; \
	else echo "knlp cannot run here: no completion for $(1)" >&2; fi; \
	rm -f knlp.completion

.PHONY: install uninstall dist
install: all
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -D -m 755 knlp $(bindir)/knlp
	$(Q)set -e; mkdir -p $(mandir); for page in $(man-pages); do \
		awk -f $(srctree)/scripts/md2man.awk -v version=$(KNLP_VERSION) \
			$(srctree)/Documentation/$$page.md > $(mandir)/$$page.1; \
		chmod 644 $(mandir)/$$page.1; \
	done
	$(Q)$(if $(CONFIG_CMD_COMPLETION),$(call install-completion,bash,$(bash-completion)))
	$(Q)$(if $(CONFIG_CMD_COMPLETION),$(call install-completion,zsh,$(zsh-completion)))
	$(Q)for f in LICENSE README.md; do [ ! -e $(srctree)/$$f ] || \
		install -D -m 644 $(srctree)/$$f $(docdir)/$$f || exit 1; done
	$(Q)$(call copy-tree,$(srctree)/Documentation,$(docdir))
	$(Q)$(call copy-tree,$(srctree)/defconfigs,$(datadir)/defconfigs)

uninstall:
	$(Q)rm -f $(bindir)/knlp $(foreach p,$(man-pages),$(mandir)/$(p).1) \
		$(bash-completion) $(zsh-completion)
	$(Q)rm -rf $(docdir) $(datadir)

dist:
	$(call say,DIST,knlp-$(KNLP_VERSION).tar.gz)
	$(Q)git -C $(srctree) archive --format=tar.gz --prefix=knlp-$(KNLP_VERSION)/ \
		-o $(objtree)/knlp-$(KNLP_VERSION).tar.gz HEAD
