# SPDX-License-Identifier: MIT
# knlp version
. "$SRCTREE/tests/lib.sh"

if ! "$KNLP" | grep -q '^  config  '; then
	skip version "built without CONFIG_CMD_CONFIG"
	exit 0
fi

succeeds plain "$KNLP" version
has first-line '^knlp [0-9]*\.[0-9]*\.[0-9]*' out
has compiler '^compiler: [a-z]* [0-9]' out
has libraries '^libraries: .*xxHash 0' out
has features '^features:' out
cp out text

"$KNLP" config >all.config
equal features-agree \
	"$(sed -n 's/^features: *//p' text | tr ' ' '\n' | sort)" \
	"$(sed -n 's/^CONFIG_\([A-Z0-9_]*\)=[ym]$/\1/p' all.config |
		while read -r s; do
			"$KNLP" config --help-for="$s" >/dev/null 2>&1 || echo "$s"
		done | sort)"

if grep -q '^features:.* JSON' text; then
	succeeds json "$KNLP" version --json
	has json-object '^{"version":"[0-9].*}$' out
else
	fails json-refused 1 'built without CONFIG_JSON' "$KNLP" version --json
fi
