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
fails argument 2 "version: unexpected argument 'now': it takes none" "$KNLP" version now
fails value-missing 2 "needs a value: KEY=VALUE" "$KNLP" config --set
fails value-not-taken 2 "'--hash' takes no value" "$KNLP" config --hash=1
fails value-range 2 "'--threads': 0 is not in 1\.\." "$KNLP" config --threads=0

# One line per failure, on stderr alone.
"$KNLP" version --jsn >out 2>err
equal error-one-line "$(wc -l <err | tr -d ' ')$(cat out)" 1

# Help wins over everything else that is wrong.
succeeds help-wins "$KNLP" version --nonsense -h
has help-usage '^usage:$' out

# Help by its own name, and of groups.
succeeds help-alone "$KNLP" help
equal help-alone-same "$(cat out)" "$(cat overview)"
succeeds help-command "$KNLP" help version
equal help-command-same "$(cat out)" "$("$KNLP" version --help)"
fails help-unknown 2 "did you mean 'version'" "$KNLP" help versoin
succeeds version-letter "$KNLP" -V
if grep -q '^  data prepare ' overview; then
	succeeds group-help "$KNLP" data -h
	has group-lists '^  data check  ' out
	succeeds group-help-word "$KNLP" help data
	succeeds help-two-words "$KNLP" help data prepare
	fails group-alone 2 "must be followed by one of: check, info, prepare, tokenizer" "$KNLP" data
	fails group-near 2 "'data prepar': did you mean 'data prepare'" "$KNLP" data prepar
	fails group-far 2 "must be followed by one of: check, info, prepare, tokenizer" "$KNLP" data xyzzyxyzzy
	fails argument-missing 2 'data check: DIR is missing' "$KNLP" data check
	fails argument-empty 2 'data check: DIR is empty' "$KNLP" data check ''
	fails argument-extra 2 "data check: unexpected argument 'b'" "$KNLP" data check a b
fi
if grep -q '^  generate ' overview; then
	fails generate-missing 2 'generate: RUN|MODEL is missing' "$KNLP" generate
	fails generate-set 2 'MODEL_LAYERS is fixed by the model' \
		"$KNLP" generate x --set=MODEL_LAYERS=12
	fails generate-set-other 2 'generate. does not read TRAIN_LR' \
		"$KNLP" generate x --set=TRAIN_LR=1
	fails eval-count 1 'nowhere: no such data folder' \
		"$KNLP" eval loss --data=nowhere --tokens=64k x
else
	fails left-out 2 'built without CONFIG_CMD_GENERATE' "$KNLP" generate x
fi

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
	equal "full disk: exit code" $? 1
	has full-disk '^knlp: error: cannot write .*: No space left on device$' err
fi
# A reader that goes away is none.
{ "$KNLP" config 2>err; } | true
equal closed-pipe "$(cat err)" ""
