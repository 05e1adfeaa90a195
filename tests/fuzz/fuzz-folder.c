// SPDX-License-Identifier: MIT
/*
 * Folders of Hugging Face: all the files of one, and what looks at more than one of them.
 *
 * An input is files one after the other, each behind a line "==> NAME".
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "data/tokenizer.h"
#include "formats/hf-internal.h"
#include "infer/chat.h"
#include "tests/fuzz/fuzz.h"

#define MARK "\n==> "

static const char *const names[] = {
	HF_CONFIG, HF_INDEX, HF_WEIGHTS, "a.safetensors", "b.safetensors", "pytorch_model.bin",
	TOKENIZER_FILE, TOKENIZER_CONFIG, "tokenizer.model", "chat_template.jinja",
};

#define NR_NAMES (sizeof(names) / sizeof(names[0]))

static void write_part(const char *line, const char *end)
{
	const char *text = memchr(line, '\n', end - line);
	size_t len = text ? text - line : 0;

	for (size_t i = 0; i < NR_NAMES && text; i++)
		if (strlen(names[i]) == len && !memcmp(names[i], line, len))
			fuzz_file(names[i], (const uint8_t *)text + 1, end - text - 1);
}

static char *make_folder(const char *text, size_t len)
{
	const char *end = text + len, *at = text, *next;
	char *dir = path_dir(fuzz_file("none", (const uint8_t *)"", 0));

	for (size_t i = 0; i < NR_NAMES; i++) {
		char *path = path_join(dir, names[i]);

		unlink(path);
		free(path);
	}
	if (len < strlen(MARK))
		return dir;
	/* The first mark has no line in front. */
	for (at += strlen(MARK) - 1; at < end; at = next + strlen(MARK)) {
		next = memmem(at, end - at, MARK, strlen(MARK));
		next = next ? next : end;
		write_part(at, next);
	}
	return dir;
}

static void use(const struct model_source *src)
{
	static const char text[] = "a b<s>\xe2\x96\x81 12\n";
	const struct encode_options o = { .add_special = true, .parse_special = true };
	struct token_list list = { 0 };

	for (int i = 0; i < src->nr_tensors; i++)
		if (src->tensors[i].data)
			fuzz_look(src->tensors[i].data, src->tensors[i].bytes);
	for (int i = 0; i < src->nr_facts; i++)
		fuzz_look(src->facts[i].value, strlen(src->facts[i].value));
	if (src->chat_template)
		chat_template_find(src->chat_template);
	if (src->tokenizer)
		tokenizer_encode_with(src->tokenizer, text, sizeof(text) - 1, &o, &list);
	token_list_free(&list);
}

/* Every row of a sparse matrix, as kernels would read it. */
static void use_sparse(const struct model_source *src)
{
	for (int i = 0; i < src->nr_tensors; i++) {
		const struct sparse_matrix *s = src->tensors[i].sparse;
		void *row = s ? malloc(dtype_bytes(s->dtype, s->cols)) : NULL;

		for (int64_t r = 0; row && r < s->rows; r++) {
			sparse_expand(s, r, row);
			fuzz_look(row, dtype_bytes(s->dtype, s->cols));
		}
		free(row);
	}
}

static void one(const uint8_t *data, size_t len)
{
	char *dir = make_folder((const char *)data, len);
	struct model_source *src;

	if (!source_open(dir, &src)) {
		use(src);
		source_close(src);
	}
	if (!source_open_stored(dir, &src)) {
		use_sparse(src);
		source_close(src);
	}
	if (!source_describe(dir, &src)) {
		use(src);
		source_close(src);
	}
	free(dir);
}
FUZZ_REGISTER(folder, one);
