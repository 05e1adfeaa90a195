// SPDX-License-Identifier: MIT
#include "data/text-file.h"

#include <stdlib.h>
#include <string.h>

#include "base/bzip2.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "data/utf8.h"

#define SAMPLE_BYTES	((size_t)1 << 20)	/* looked at to see if it is text */

bool text_is_stdin(const char *path)
{
	return !strcmp(path, TEXT_STDIN);
}

const char *text_name(const char *path)
{
	return text_is_stdin(path) ? TEXT_STDIN_NAME : path;
}

int text_refuse(const char *path, const char *bytes, size_t len)
{
	static const struct {
		const char *what, *magic;
	} formats[] = {
		{ "gzip", "\x1f\x8b" }, { "xz", "\xfd" "7zXZ" },
		{ "zstd", "\x28\xb5\x2f\xfd" }, { "zip", "PK\x03\x04" },
	};
	const char *name = text_name(path);

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		size_t n = strlen(formats[i].magic);

		if (len >= n && !memcmp(bytes, formats[i].magic, n))
			return fail(-EINVAL, "%s: compressed (%s): unpack it first", name,
				    formats[i].what);
	}
	if (bzip2_is(bytes, len))
		return fail(-EINVAL, "%s: compressed (bzip2): unpack it first", name);
	if (len >= 4 && !memcmp(bytes, "GGUF", 4))
		return fail(-EINVAL, "%s: a model (GGUF), not a text", name);
	return 0;
}

/* Noise has a perplexity, too, and nobody would notice but by the number. */
void text_warn(const char *path, const char *bytes, size_t len)
{
	size_t bad = 0, at = 0;

	if (len > SAMPLE_BYTES)
		len = SAMPLE_BYTES;
	while (at < len) {
		size_t valid = utf8_valid(bytes + at, len - at);

		for (size_t i = at; i < at + valid; i++)
			bad += !bytes[i];
		at += valid;
		valid = at < len ? utf8_invalid(bytes + at, len - at) : 0;
		bad += valid;
		at += valid;
	}
	if (bad > len / 20)
		log_warn("%s: %.0f %% of its bytes are no UTF-8 text: is it text?",
			 text_name(path), 100.0 * (double)bad / (double)len);
}

static int unpack(const char *name, size_t max, char **bytes, size_t *len)
{
	char *packed = *bytes;
	int ret = bzip2_unpack(name, packed, *len, max, bytes, len);

	free(packed);
	if (ret)
		*bytes = NULL;
	return ret;
}

int text_read(const char *path, size_t max, char **bytes, size_t *len)
{
	int ret = text_is_stdin(path) ? file_read_stdin(TEXT_STDIN_NAME, max, bytes, len)
				      : file_read_all(path, max, bytes, len);

	if (ret)
		return ret;
	if (bzip2_is(*bytes, *len))
		ret = unpack(text_name(path), max, bytes, len);
	if (!ret)
		ret = text_refuse(path, *bytes, *len);
	if (ret) {
		free(*bytes);
		*bytes = NULL;
	}
	return ret;
}
