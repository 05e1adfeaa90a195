// SPDX-License-Identifier: MIT
#include "tools/generate/stream.h"

#include <stdio.h>
#include <string.h>

#include "data/utf8.h"

void stream_init(struct stream *s, bool clean)
{
	s->clean = clean;
	strbuf_init(&s->held);
	strbuf_init(&s->shown);
}

void stream_free(struct stream *s)
{
	strbuf_free(&s->held);
	strbuf_free(&s->shown);
}

static int show(struct stream *s, size_t len)
{
	strbuf_clear(&s->shown);
	if (s->clean)
		utf8_clean(&s->shown, s->held.s, len);
	else
		strbuf_add(&s->shown, s->held.s, len);
	memmove(s->held.s, s->held.s + len, s->held.len - len);
	s->held.len -= len;
	fwrite(s->shown.s, 1, s->shown.len, stdout);
	fflush(stdout);
	return strbuf_ok(&s->shown);
}

int stream_add(struct stream *s, const char *bytes, size_t len)
{
	int ret;

	strbuf_add(&s->held, bytes, len);
	ret = strbuf_ok(&s->held);
	return ret ? ret : show(s, utf8_whole(s->held.s, s->held.len));
}

int stream_end(struct stream *s)
{
	return show(s, s->held.len);
}
