// SPDX-License-Identifier: MIT
#include "base/bzip2.h"

#include <bzlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

#define PIECE ((size_t)1 << 16)

/* One stream of the file; @in is left behind its end. */
static int unpack_stream(const char *name, bz_stream *in, size_t max, struct strbuf *out)
{
	char piece[PIECE];
	int state = BZ2_bzDecompressInit(in, 0, 0);

	if (state != BZ_OK)
		return fail_nomem(0, "bzip2");
	while (state == BZ_OK) {
		in->next_out = piece;
		in->avail_out = PIECE;
		state = BZ2_bzDecompress(in);
		strbuf_add(out, piece, PIECE - in->avail_out);
		if (out->len > max || out->failed)
			break;
		if (state == BZ_OK && !in->avail_in && in->avail_out)
			state = BZ_UNEXPECTED_EOF;
	}
	BZ2_bzDecompressEnd(in);
	if (out->len > max)
		return fail(-EFBIG, "%s: more than %zu bytes, unpacked", name, max);
	if (state == BZ_STREAM_END || out->failed)
		return strbuf_ok(out);
	return fail(-EINVAL, "%s: %s", name, state == BZ_UNEXPECTED_EOF
		    ? "the bzip2 data end too early" : "the bzip2 data are damaged");
}

int bzip2_unpack(const char *name, const char *bytes, size_t len, size_t max, char **out,
		 size_t *out_len)
{
	struct strbuf sb;
	int ret = 0;

	strbuf_init(&sb);
	while (len && !ret) {
		bz_stream in = { .next_in = (char *)bytes };

		in.avail_in = len < UINT32_MAX ? (unsigned int)len : UINT32_MAX;
		ret = unpack_stream(name, &in, max, &sb);
		len -= in.next_in - bytes;
		bytes = in.next_in;
	}
	*out_len = sb.len;
	if (!ret)
		*out = strbuf_detach(&sb);
	strbuf_free(&sb);
	return ret;
}
