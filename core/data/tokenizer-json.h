/* SPDX-License-Identifier: MIT */
/* The parts of the reader of tokenizer.json. */
#ifndef DATA_TOKENIZER_JSON_H
#define DATA_TOKENIZER_JSON_H

#include <stdbool.h>
#include <string.h>

#include "data/token-source.h"
#include "io/json.h"

/* A word begins at each U+2581: what Metaspace does if it splits. */
#define METASPACE_SPLIT	"\xe2\x96\x81[^\xe2\x96\x81]*|[^\xe2\x96\x81]+"
#define DIGITS_SPLIT	"\\p{N}"

/** json_is_set() - is @key there, and neither null, false nor empty? */
static inline bool json_is_set(const cJSON *object, const char *key)
{
	const cJSON *item = json_get(object, key);

	return item && !cJSON_IsNull(item) && !cJSON_IsFalse(item) &&
	       !(cJSON_IsString(item) && !*item->valuestring);
}

static inline const char *json_type(const cJSON *object)
{
	const char *text = cJSON_GetStringValue(json_get(object, "type"));

	return text ? text : "";
}

static inline bool json_is(const cJSON *object, const char *type)
{
	return !strcmp(json_type(object), type);
}

/** json_normalizer(), json_pre_tokenizer(), json_decoder() - what the root says of them. */
int json_normalizer(struct token_source *src, const cJSON *root);
int json_pre_tokenizer(struct token_source *src, const cJSON *root, bool *byte_level);
void json_decoder(struct token_source *src, const cJSON *root);

/** json_own() - what tokenizer-write.c says in model.knlp; nothing if that is not there. */
int json_own(struct token_source *src, const cJSON *root, const cJSON *model);

#endif
