// SPDX-License-Identifier: MIT
/*
 * fixdep: turn a compiler's list of prerequisites into a makefile.
 *
 * Every object includes autoconf.h, so that the plain list would rebuild the
 * whole tree when any symbol changes.  fixdep leaves autoconf.h out, looks for words
 * that begin with CONFIG_ in the code of all other prerequisites, and makes the object
 * depend on the file that kconfig touches when that symbol changes: for
 * CONFIG_SOME_NAME, include/config/some/name.h.  Such a file exists only once
 * the symbol has changed, hence $(wildcard).
 *
 * usage: fixdep DEPFILE TARGET COMMAND
 *
 * The command is written out as saved_TARGET, for if_changed in kbuild.mk.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **symbols;
static size_t nr_symbols;

static void die(const char *what, const char *path)
{
	fprintf(stderr, "fixdep: %s ", what);
	perror(path);
	exit(1);
}

static void *check_alloc(void *p)
{
	if (!p)
		die("memory:", "malloc");
	return p;
}

static char *read_text(const char *path)
{
	size_t len = 0, size = 1 << 14, got;
	char *text = check_alloc(malloc(size));
	FILE *file = fopen(path, "rb");

	if (!file)
		die("cannot open", path);
	while ((got = fread(text + len, 1, size - len - 1, file)) > 0) {
		len += got;
		if (size - len < 2)
			text = check_alloc(realloc(text, size *= 2));
	}
	if (ferror(file))
		die("cannot read", path);
	fclose(file);
	text[len] = '\0';
	return text;
}

static int is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static int symbol_is_known(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < nr_symbols; i++)
		if (strlen(symbols[i]) == len && !memcmp(symbols[i], name, len))
			return 1;
	return 0;
}

/* Depend on one symbol, given without CONFIG_. */
static void print_symbol(const char *name, size_t len)
{
	size_t i;

	/* Sources may name the macro that only modules define. */
	if (len > 7 && !memcmp(name + len - 7, "_MODULE", 7))
		len -= 7;
	if (symbol_is_known(name, len))
		return;
	symbols = check_alloc(realloc(symbols, (nr_symbols + 1) * sizeof(*symbols)));
	symbols[nr_symbols++] = check_alloc(strndup(name, len));

	printf("  $(wildcard include/config/");
	for (i = 0; i < len; i++)
		putchar(name[i] == '_' ? '/' : tolower((unsigned char)name[i]));
	printf(".h) \\\n");
}

/*
 * Blank out comments: documentation may mention a symbol without depending on it.
 * Literals are followed only so that their text opens no comment; one that seems to
 * go on beyond its line is none.
 */
static void drop_comments(char *text)
{
	char quote = 0, *end;

	for (; *text; text++) {
		if (quote) {
			if (*text == quote || *text == '\n')
				quote = 0;
			else if (*text == '\\' && text[1])
				text++;
		} else if (*text == '"' || *text == '\'') {
			quote = *text;
		} else if (*text == '/' && (text[1] == '*' || text[1] == '/')) {
			end = text[1] == '*' ? strstr(text + 2, "*/") : strchr(text, '\n');
			if (!end)
				end = text + strlen(text);
			memset(text, ' ', end - text);
			text = end - 1;
		}
	}
}

static void print_symbols_of(const char *path)
{
	char *text = read_text(path), *p = text;

	drop_comments(text);
	while ((p = strstr(p, "CONFIG_"))) {
		char *name = p + strlen("CONFIG_"), *end = name;

		while (is_word(*end))
			end++;
		if (end > name && (p == text || !is_word(p[-1])))
			print_symbol(name, end - name);
		p = end;
	}
	free(text);
}

int main(int argc, char **argv)
{
	const char *target;
	char *deps, *word;

	if (argc != 4) {
		fprintf(stderr, "usage: fixdep DEPFILE TARGET COMMAND\n");
		return 2;
	}
	target = argv[2];
	printf("saved_%s := %s\n\ndeps_%s := \\\n", target, argv[3], target);

	deps = read_text(argv[1]);
	for (word = strtok(deps, " \\\n\t"); word; word = strtok(NULL, " \\\n\t")) {
		/* "target:", or a header that everything includes */
		if (word[strlen(word) - 1] == ':' || strstr(word, "generated/autoconf.h"))
			continue;
		printf("  %s \\\n", word);
		print_symbols_of(word);
	}
	/* Without a rule, a header that was deleted would stop make. */
	printf("\n%s: $(deps_%s)\n\n$(deps_%s):\n", target, target, target);

	if (fflush(stdout) || ferror(stdout))
		die("cannot write", target);
	return 0;
}
