// SPDX-License-Identifier: MIT
/*
 * genparams - turn Kconfig.run files into the parameter table of the program.
 *
 *	genparams ids FILE...		the enum of all parameters, param-ids.h
 *	genparams table FILE...		their types, ranges and help, param-table.c
 *	genparams embed CONFIG FILE...	the values of a .config, embedded-config.c
 *
 * The files are Kconfig, so that menuconfig shows them, but of a simple kind: every
 * parameter always exists and has one default.  The last line of a help text gives
 * the type that Kconfig cannot say (Documentation/parameters.md has the grammar).
 *
 * Nothing is freed: the program ends after one answer.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One host program in one compilation, with the very checks of the real program. */
#include "../../core/base/fail.c"
#include "../../core/base/strbuf.c"
#include "../../core/base/temporary.c"
#include "../../core/base/file.c"
#include "../../core/base/param.c"
#include "../../core/base/dotconfig.c"

#define FILE_MAX (1 << 20)
#define ENTRIES_MAX 2000

enum kind { KIND_NONE, KIND_BOOL, KIND_INT, KIND_STRING };

static const char *const kind_names[] = { "nothing", "bool", "int", "string" };

/* One `config NAME` block. */
struct entry {
	struct param p;
	struct param_words words;
	const char *file;
	int line;
	enum kind kind;
	char *range[2];
	struct strbuf help;
	bool has_help;
	const char *value;	/* embed: canonical text from the .config */
};

static struct entry entries[ENTRIES_MAX];
static int nr_entries;

/* Where the parser is. */
static struct {
	const char *file;
	int line;
	struct entry *entry;	/* the open block, or NULL */
	bool in_help;
	int help_indent;	/* columns; -1 before the first line of the text */
	int blank_lines;	/* seen in the help text and not yet kept */
} at;

static void __attribute__((noreturn, format(printf, 3, 4)))
die_at(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

#define die(...) die_at(at.file, at.line, __VA_ARGS__)
#define die_entry(e, fmt, ...) \
	die_at((e)->file, (e)->line, "%s: " fmt, (e)->p.name, ##__VA_ARGS__)

static void *check_memory(void *p)
{
	if (!p) {
		fprintf(stderr, "genparams: out of memory\n");
		exit(1);
	}
	return p;
}

static struct entry *entry_find(const char *name)
{
	for (int i = 0; i < nr_entries; i++)
		if (!strcmp(entries[i].p.name, name))
			return &entries[i];
	return NULL;
}

/* ---- the Type line ---- */

struct words {
	char *word[64];
	int nr;
};

static void words_split(struct words *w, char *text)
{
	char *save = NULL;

	w->nr = 0;
	for (char *s = strtok_r(text, " \t", &save); s; s = strtok_r(NULL, " \t", &save))
		if (w->nr < 63)
			w->word[w->nr++] = s;
	w->word[w->nr] = NULL;
}

static bool words_begin(struct words *w, const char *a, const char *b, const char *c)
{
	const char *want[] = { a, b, c };
	int n = 0;

	for (; n < 3 && want[n]; n++)
		if (n >= w->nr || strcmp(w->word[n], want[n]))
			return false;
	memmove(w->word, w->word + n, (w->nr - n + 1) * sizeof(*w->word));
	w->nr -= n;
	return true;
}

/* "LO..HI" as the only word left. */
static void parse_range(struct entry *e, struct words *w)
{
	char *dots = w->nr == 1 ? strstr(w->word[0], "..") : NULL;

	if (!dots)
		die_entry(e, "Type: a range such as 0..1 is missing");
	*dots = '\0';
	if (str_to_double(w->word[0], &e->p.min) || str_to_double(dots + 2, &e->p.max))
		die_entry(e, "Type: '%s..%s' is not a range", w->word[0], dots + 2);
	if (e->p.min > e->p.max)
		die_entry(e, "Type: the range is empty");
}

static void parse_choices(struct entry *e, struct words *w)
{
	char **choices = check_memory(calloc(w->nr + 1, sizeof(*choices)));

	if (!w->nr)
		die_entry(e, "Type: names are missing");
	for (int i = 0; i < w->nr; i++) {
		if (strspn(w->word[i], "abcdefghijklmnopqrstuvwxyz0123456789_-") !=
		    strlen(w->word[i]))
			die_entry(e, "Type: '%s' is not a name of a-z 0-9 _ -", w->word[i]);
		for (int j = 0; j < i; j++)
			if (!strcmp(choices[j], w->word[i]))
				die_entry(e, "Type: '%s' is there twice", w->word[i]);
		choices[i] = w->word[i];
		if (!strcmp(w->word[i], "auto"))
			e->p.may_be_auto = true;
	}
	e->p.choices = (const char *const *)choices;
}

/* What follows the kind: "from SYMBOL", "or auto". */
static void parse_type_tail(struct entry *e, struct words *w)
{
	if (w->nr > 2 && !strcmp(w->word[w->nr - 2], "from")) {
		e->p.from = w->word[w->nr - 1];
		w->nr -= 2;
	}
	if (w->nr > 2 && !strcmp(w->word[w->nr - 2], "or") &&
	    !strcmp(w->word[w->nr - 1], "auto")) {
		e->p.may_be_auto = true;
		w->nr -= 2;
	}
	w->word[w->nr] = NULL;
}

static void parse_type(struct entry *e, const char *text)
{
	struct words w;

	e->words.type = check_memory(strdup(text));
	words_split(&w, check_memory(strdup(text)));
	e->p.is_local = words_begin(&w, "local", NULL, NULL);
	parse_type_tail(e, &w);
	if (words_begin(&w, "int", NULL, NULL)) {
		e->p.type = PARAM_INT;
		parse_range(e, &w);
		return;
	}
	if (words_begin(&w, "float", NULL, NULL)) {
		e->p.type = PARAM_FLOAT;
		parse_range(e, &w);
		return;
	}
	if (words_begin(&w, "one", "of", NULL)) {
		e->p.type = PARAM_CHOICE;
		parse_choices(e, &w);
		return;
	}
	if (words_begin(&w, "per-layer", "list", "of")) {
		e->p.type = PARAM_LIST;
		parse_choices(e, &w);
		return;
	}
	if (words_begin(&w, "bool", NULL, NULL) && !e->p.may_be_auto) {
		e->p.type = PARAM_BOOL;
	} else if (words_begin(&w, "tokens", NULL, NULL)) {
		e->p.type = PARAM_TOKENS;
		e->p.max = PARAM_TOKENS_MAX;
	} else if (words_begin(&w, "string", NULL, NULL)) {
		e->p.type = PARAM_STRING;
	} else {
		die_entry(e, "unknown type '%s'", text);
	}
	if (w.nr)
		die_entry(e, "Type: unexpected '%s'", w.word[0]);
}

/* Cut the Type line off the end of the help text. */
static void take_type(struct entry *e)
{
	char *text = e->help.s, *last;

	if (!e->has_help || !*text)
		die_entry(e, "a help text is missing");
	last = strrchr(text, '\n');
	last = last ? last + 1 : text;
	if (strncmp(last, "Type: ", 6))
		die_entry(e, "the last line of the help must be \"Type: ...\"");
	parse_type(e, last + 6);
	while (last > text && isspace((unsigned char)last[-1]))
		last--;
	*last = '\0';
	if (!*text)
		die_entry(e, "the help says nothing but the type");
	e->words.help = text;
}

/* ---- a whole entry ---- */

static void check_kind(const struct entry *e)
{
	enum kind want = e->p.type == PARAM_BOOL ? KIND_BOOL :
			 param_is_text(&e->p) ? KIND_STRING : KIND_INT;
	double v;

	if (e->kind != want)
		die_entry(e, "type '%s' must be a Kconfig %s, not %s", e->words.type,
			  kind_names[want], kind_names[e->kind]);
	if (want != KIND_INT && e->range[0])
		die_entry(e, "only an int has a range");
	if (want != KIND_INT)
		return;
	if (!e->range[0] || str_to_double(e->range[0], &v) || v != e->p.min ||
	    str_to_double(e->range[1], &v) || v != e->p.max)
		die_entry(e, "'range' and the Type line '%s' must agree", e->words.type);
}

static void entry_end(void)
{
	struct entry *e = at.entry;
	struct param_value v;

	if (!e)
		return;
	at.entry = NULL;
	at.in_help = false;
	take_type(e);
	check_kind(e);
	if (!e->words.prompt)
		die_entry(e, "a prompt is missing");
	if (!e->p.default_text)
		die_entry(e, "a default is missing");
	if (param_check(&e->p, e->p.default_text, &v))
		die_at(e->file, e->line, "the default does not fit: %s", fail_message());
	e->value = v.text;
}

static void entry_begin(const char *name)
{
	const struct entry *old = entry_find(name);
	struct entry *e = &entries[nr_entries];

	if (old)
		die("%s was already declared at %s:%d", name, old->file, old->line);
	if (!isupper((unsigned char)*name) || !strchr(name, '_') || strlen(name) > 50 ||
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != strlen(name))
		die("'%s' is not a name such as TRAIN_BATCH, with its subsystem first", name);
	if (nr_entries == ENTRIES_MAX)
		die("more than %d parameters", ENTRIES_MAX);
	nr_entries++;
	e->p.name = check_memory(strdup(name));
	e->file = at.file;
	e->line = at.line;
	e->p.words = &e->words;
	strbuf_init(&e->help);
	at.entry = e;
}

/* ---- lines ---- */

/* The next word or quoted string of *@s as a new string; NULL at the end. */
static char *next_word(char **s)
{
	struct strbuf sb;
	char *p = *s + strspn(*s, " \t");

	if (!*p || *p == '#')
		return NULL;
	strbuf_init(&sb);
	if (*p == '"') {
		for (p++; *p && *p != '"'; p++) {
			if (*p == '\\' && p[1])
				p++;
			strbuf_addc(&sb, *p);
		}
		if (*p++ != '"')
			die("the closing quote is missing");
	} else {
		size_t len = strcspn(p, " \t");

		strbuf_add(&sb, p, len);
		p += len;
	}
	*s = p;
	return check_memory(strbuf_detach(&sb));
}

static char *need_word(char **s, const char *what)
{
	char *word = next_word(s);

	if (!word)
		die("%s is missing", what);
	return word;
}

static void need_end(char **s)
{
	const char *word = next_word(s);

	if (word)
		die("unexpected '%s': a run parameter has no conditions", word);
}

static void kind_line(enum kind kind, char **s)
{
	if (at.entry->kind)
		die("%s: a second type", at.entry->p.name);
	at.entry->kind = kind;
	at.entry->words.prompt = need_word(s, "the prompt");
}

/* A line inside `config NAME`. Return: false if it is not one of those. */
static bool entry_line(const char *word, char **s)
{
	struct entry *e = at.entry;

	for (enum kind k = KIND_BOOL; k <= KIND_STRING; k++)
		if (!strcmp(word, kind_names[k])) {
			kind_line(k, s);
			return true;
		}
	if (!strcmp(word, "default")) {
		if (e->p.default_text)
			die("%s: a second default", e->p.name);
		e->p.default_text = need_word(s, "the value");
		return true;
	}
	if (!strcmp(word, "range")) {
		e->range[0] = need_word(s, "the lower bound");
		e->range[1] = need_word(s, "the upper bound");
		return true;
	}
	if (!strcmp(word, "help")) {
		if (e->has_help)
			die("%s: a second help", e->p.name);
		e->has_help = true;
		at.in_help = true;
		at.help_indent = -1;
		at.blank_lines = 0;
		return true;
	}
	return false;
}

static int indent_of(const char **s)
{
	int columns = 0;

	for (; **s == ' ' || **s == '\t'; (*s)++)
		columns = **s == '\t' ? (columns | 7) + 1 : columns + 1;
	return columns;
}

/* Return: true if the line belongs to the help text, which ends where Kconfig ends it. */
static bool help_line(const char *line)
{
	struct strbuf *help = &at.entry->help;
	const char *s = line;
	int indent = indent_of(&s);

	if (!*s) {
		at.blank_lines++;
		return true;
	}
	if (at.help_indent < 0 && indent)
		at.help_indent = indent;
	if (at.help_indent < 0 || indent < at.help_indent) {
		at.in_help = false;
		return false;
	}
	if (help->len)
		strbuf_addf(help, "%.*s", at.blank_lines + 1, "\n\n");
	strbuf_addf(help, "%*s%s", indent - at.help_indent, "", s);
	at.blank_lines = 0;
	return true;
}

/* make passes every file that Kconfig reads, so that there is nothing to follow. */
static void need_source(char **s)
{
	const char *path = need_word(s, "the file"), *end = strrchr(path, '/');

	if (strcmp(end ? end + 1 : path, "Kconfig.run"))
		die("'%s' is not called Kconfig.run: features have no place here", path);
}

/* May @word begin a line that is not part of an entry? */
static bool is_outer(const char *word)
{
	static const char *const words[] = { "config", "source", "menu", "endmenu", "comment" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

static void parse_line(char *line)
{
	size_t len = strlen(line);
	char *s = line, *word;

	while (len && isspace((unsigned char)line[len - 1]))
		line[--len] = '\0';
	if (at.in_help && help_line(line))
		return;
	word = next_word(&s);
	if (!word)
		return;
	if (at.entry && entry_line(word, &s)) {
		need_end(&s);
		return;
	}
	if (!is_outer(word))
		die("'%s' is not allowed in a Kconfig.run file", word);
	entry_end();
	if (!strcmp(word, "config"))
		entry_begin(need_word(&s, "the name"));
	else if (!strcmp(word, "source"))
		need_source(&s);
	else if (strcmp(word, "endmenu"))
		need_word(&s, "the text");
	need_end(&s);
}

static char *read_text(const char *path)
{
	char *text;
	size_t len;

	if (file_read_all(path, FILE_MAX, &text, &len)) {
		fprintf(stderr, "%s\n", fail_message());
		exit(1);
	}
	if (memchr(text, '\0', len))
		die_at(path, 1, "holds NUL bytes");
	return text;
}

static void parse_file(const char *path)
{
	char *text = read_text(path);

	at.file = path;
	at.line = 0;
	for (char *s = text, *next; s; s = next) {
		next = strchr(s, '\n');
		if (next)
			*next++ = '\0';
		at.line++;
		parse_line(s);
	}
	entry_end();
}

static bool is_steps(const struct param *p)
{
	return p->type == PARAM_INT || (p->type == PARAM_FLOAT && p->max <= 1);
}

/*
 * What `from` names is a number of steps, or a share of all of them: it counts from itself, or
 * it would count at once.
 */
static void check_from(const struct entry *e)
{
	const char *name = e->p.from;
	const struct entry *start;

	if (!name || !strcmp(name, PARAM_FROM_END))
		return;
	start = entry_find(name);
	if (!start)
		die_entry(e, "Type: 'from %s': there is no such parameter", name);
	if (!is_steps(&start->p) || start->p.may_be_auto || start->p.min < 0)
		die_entry(e, "Type: 'from %s': that is no number of steps and no share of them",
			  name);
	if (!start->p.from || strcmp(start->p.from, name))
		die_entry(start, "others are 'from %s': its own type has to end so, too", name);
}

static void parse_files(char **paths)
{
	for (; *paths; paths++)
		parse_file(*paths);
	for (int i = 0; i < nr_entries; i++)
		check_from(&entries[i]);
	if (!nr_entries) {
		fprintf(stderr, "genparams: these files declare no parameters\n");
		exit(1);
	}
}

/* ---- output ---- */

/* As C text; a long help is cut at its line ends. */
static void put_string(const char *s, const char *continuation)
{
	putchar('"');
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '\n') {
			printf("\\n\"%s\"", continuation);
			continue;
		}
		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			printf("\\%03o", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void put_field(const char *field, const char *text)
{
	if (!text)
		return;
	printf("\t\t.%s = ", field);
	put_string(text, "\n\t\t\t");
	puts(",");
}

/* What is for people alone: the program may be built without it. */
static void put_words(const struct param_words *w)
{
	const char *const texts[] = { w->prompt, w->help, w->type };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		printf(i ? ",\n\t\t\t" : "\t\t.words = PARAM_WORDS(");
		put_string(texts[i], "\n\t\t\t");
	}
	puts("),");
}

static void put_ids(void)
{
	puts("/* Made by genparams from the Kconfig.run files. */\n"
	     "#ifndef PARAM_IDS_H\n#define PARAM_IDS_H\n\nenum param_id {");
	for (int i = 0; i < nr_entries; i++)
		printf("\tPARAM_%s,\n", entries[i].p.name);
	puts("\tPARAM_COUNT\n};\n\n#endif");
}

static void put_table(void)
{
	static const char *const types[] = {
		[PARAM_BOOL] = "BOOL", [PARAM_INT] = "INT", [PARAM_FLOAT] = "FLOAT",
		[PARAM_CHOICE] = "CHOICE", [PARAM_LIST] = "LIST", [PARAM_TOKENS] = "TOKENS",
		[PARAM_STRING] = "STRING",
	};

	puts("/* Made by genparams from the Kconfig.run files. */\n"
	     "#include \"base/config.h\"\n\nconst struct param params[PARAM_COUNT] = {");
	for (int i = 0; i < nr_entries; i++) {
		const struct param *p = &entries[i].p;

		printf("\t[PARAM_%s] = {\n", p->name);
		put_field("name", p->name);
		put_words(p->words);
		put_field("default_text", p->default_text);
		put_field("from", p->from);
		printf("\t\t.type = PARAM_%s,\n\t\t.is_local = %d,\n\t\t.may_be_auto = %d,\n"
		       "\t\t.min = %.17g,\n\t\t.max = %.17g,\n", types[p->type], p->is_local,
		       p->may_be_auto, p->min, p->max);
		if (p->choices) {
			printf("\t\t.choices = (const char *const []){ ");
			for (const char *const *c = p->choices; *c; c++)
				printf("\"%s\", ", *c);
			puts("NULL },");
		}
		puts("\t},");
	}
	puts("};");
}

/* ---- embed ---- */

static struct {
	char *symbol, *line;
} *features;
static int nr_features;

static void feature_add(const struct dotconfig_line *line)
{
	struct strbuf sb;
	int i = 0;

	strbuf_init(&sb);
	if (!line->quoted && !strcmp(line->value, "n")) {
		strbuf_addf(&sb, "# CONFIG_%s is not set", line->symbol);
	} else {
		strbuf_addf(&sb, "CONFIG_%s=", line->symbol);
		if (line->quoted)
			dotconfig_quote(&sb, line->value);
		else
			strbuf_adds(&sb, line->value);
	}
	while (i < nr_features && strcmp(features[i].symbol, line->symbol))
		i++;
	if (i == nr_features) {
		nr_features++;
		features = check_memory(realloc(features, nr_features * sizeof(*features)));
	}
	features[i].symbol = check_memory(strdup(line->symbol));
	features[i].line = check_memory(strbuf_detach(&sb));
}

static int embed_line(void *ctx, const struct dotconfig_line *line)
{
	struct entry *e = entry_find(line->symbol);
	struct param_value v;
	int ret;

	(void)ctx;
	if (!e) {
		feature_add(line);
		return 0;
	}
	if (param_is_text(&e->p) != line->quoted)
		return fail(-EINVAL, "%s: the value %s", line->symbol,
			    line->quoted ? "takes no quotes" : "needs quotes");
	ret = param_check(&e->p, line->value, &v);
	if (!ret)
		e->value = v.text;
	return ret;
}

static int by_symbol(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_embedded(const char *path)
{
	if (dotconfig_walk(path, read_text(path), embed_line, NULL)) {
		fprintf(stderr, "%s\n", fail_message());
		exit(1);
	}
	/* Sorted: the order of the menus is no property of the program. */
	if (nr_features)
		qsort(features, nr_features, sizeof(*features), by_symbol);
	puts("/* Made by genparams from the .config of the build. */\n"
	     "#include \"base/config.h\"\n\nconst char *const config_embedded[PARAM_COUNT] = {");
	for (int i = 0; i < nr_entries; i++) {
		printf("\t[PARAM_%s] = ", entries[i].p.name);
		put_string(entries[i].value, "");
		puts(",");
	}
	puts("};\n\nconst char *const config_features[] = {");
	for (int i = 0; i < nr_features; i++) {
		putchar('\t');
		put_string(features[i].line, "");
		puts(",");
	}
	puts("\tNULL\n};");
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "ids")) {
		parse_files(argv + 2);
		put_ids();
	} else if (argc >= 3 && !strcmp(argv[1], "table")) {
		parse_files(argv + 2);
		put_table();
	} else if (argc >= 4 && !strcmp(argv[1], "embed")) {
		parse_files(argv + 3);
		put_embedded(argv[2]);
	} else {
		fputs("usage: genparams ids FILE...\n"
		      "       genparams table FILE...\n"
		      "       genparams embed CONFIG FILE...\n", stderr);
		return 2;
	}
	if (fflush(stdout) || ferror(stdout)) {
		perror("genparams: cannot write");
		return 1;
	}
	return 0;
}
