# SPDX-License-Identifier: MIT
# What the program does with its command line, whatever the command.
. "$SRCTREE/tests/lib.sh"

if ! "$KNLP" | grep -q '^  config  '; then
	skip usage "built without CONFIG_CMD_CONFIG"
	exit 0
fi

succeeds overview "$KNLP"
has overview-version '^  version  ' out
cp out overview
succeeds overview-help "$KNLP" --help
equal overview-same "$(cat out)" "$(cat overview)"
succeeds version-option "$KNLP" --version
has version-text '^knlp [0-9]' out

fails command-unknown 2 "unknown command 'versoin': did you mean 'version'?" "$KNLP" versoin
fails command-far 2 "unknown command 'xyzzyxyzzy'" "$KNLP" xyzzyxyzzy
fails option-first 2 "unknown option '--foo': the command comes first" "$KNLP" --foo
fails option-unknown 2 "version: unknown option '--jsn': did you mean '--json'?" \
	"$KNLP" version --jsn
fails option-short 2 "version: unknown option '-Z'" "$KNLP" version -Z
fails argument 2 'version: takes no arguments' "$KNLP" version now
fails value-missing 2 "needs a value: NAME=VALUE" "$KNLP" config --set
fails value-not-taken 2 "'--hash' takes no value" "$KNLP" config --hash=1
fails value-range 2 "'--threads': 0 is not in 1\.\." "$KNLP" config --threads=0

# One line per failure, on stderr alone.
"$KNLP" version --jsn >out 2>err
equal error-one-line "$(wc -l <err | tr -d ' ')$(cat out)" 1

# Help wins over everything else that is wrong.
succeeds help-wins "$KNLP" version --nonsense -h
has help-usage '^usage:$' out

# Each command has help, and a summary in the list.
sed -n 's/^  \([a-z][a-z0-9-]*\( [a-z][a-z0-9-]*\)\{0,1\}\)  .*/\1/p' overview >commands
while read -r command; do
	# shellcheck disable=SC2086 # a command may have two words
	succeeds "help: $command" "$KNLP" $command -h
	has "help of $command has options" '^  -h, --help ' out
done <commands

# Output that is lost is a failure.
if [ -w /dev/full ]; then
	"$KNLP" config >/dev/full 2>err
	equal full-disk "$? $(cat err)" \
		"1 knlp: error: cannot write to standard output: No space left on device"
fi
# A reader that goes away is none.
{ "$KNLP" config 2>err; } | true
equal closed-pipe "$(cat err)" ""
