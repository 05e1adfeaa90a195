// SPDX-License-Identifier: MIT
#include "base/fail.h"
#include "base/strbuf.h"
#include "formats/hf-internal.h"

#define SHOWN 8		/* items of an array */

static void add_value(struct strbuf *sb, const cJSON *item)
{
	if (cJSON_IsString(item))
		strbuf_adds(sb, item->valuestring);
	else if (cJSON_IsNumber(item))
		json_add_double(sb, item->valuedouble);
	else
		strbuf_adds(sb, cJSON_IsTrue(item) ? "true" : cJSON_IsFalse(item) ? "false"
										  : "null");
}

static bool add_items(struct strbuf *sb, const cJSON *array)
{
	const cJSON *item;
	int nr = 0;

	cJSON_ArrayForEach(item, array) {
		if (cJSON_IsObject(item) || cJSON_IsArray(item))
			return false;
		if (nr == SHOWN) {
			strbuf_adds(sb, ", ...");
			break;
		}
		strbuf_adds(sb, nr++ ? ", " : "");
		add_value(sb, item);
	}
	return true;
}

int source_json_facts(struct model_source *src, const cJSON *object)
{
	const cJSON *item;
	struct strbuf sb;
	int ret = 0;

	strbuf_init(&sb);
	cJSON_ArrayForEach(item, object) {
		bool shown = !cJSON_IsObject(item);

		strbuf_clear(&sb);
		if (cJSON_IsArray(item))
			shown = add_items(&sb, item);
		else
			add_value(&sb, item);
		if (shown && !ret)
			ret = source_fact(src, item->string, "%s", sb.s);
	}
	strbuf_free(&sb);
	return ret;
}
