// SPDX-License-Identifier: MIT
#include "eval/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/text-file.h"

#define BYTES_MAX ((size_t)2 << 30)

int eval_text_read(const char *path, struct eval_text *text)
{
	int ret;

	*text = (struct eval_text){ .path = text_name(path) };
	ret = text_read(path, BYTES_MAX, &text->bytes, &text->len);
	if (!ret && !text->len)
		ret = fail(-EINVAL, "%s: the file is empty", text->path);
	if (ret) {
		eval_text_free(text);
		return ret;
	}
	text_warn(path, text->bytes, text->len);
	hash_bytes(text->bytes, text->len, text->hash);
	return 0;
}

void eval_text_free(struct eval_text *text)
{
	free(text->bytes);
	text->bytes = NULL;
}

bool eval_lines_next(struct eval_lines *lines, const char **line, size_t *len)
{
	const struct eval_text *text = lines->text;
	const char *end;

	if (lines->at >= text->len)
		return false;
	*line = text->bytes + lines->at;
	end = memchr(*line, '\n', text->len - lines->at);
	*len = end ? (size_t)(end - *line) : text->len - lines->at;
	lines->at += *len + 1;
	lines->number++;
	if (*len && (*line)[*len - 1] == '\r')
		--*len;
	return true;
}
