# SPDX-License-Identifier: MIT
# Colours on a terminal, and nowhere else.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

escape=$(printf '\033')
red="$escape\\[1;31m" yellow="$escape\\[1;33m" green="$escape\\[32m"
unset NO_COLOR
TERM=xterm
export TERM

# terminal COMMAND...: on a terminal of its own; what it prints is in ./seen
terminal()
{
	printf '%s ' "$@" >./command
	script -qec "$(cat command)" /dev/null >seen 2>&1 </dev/null
}

# plain NAME: ./seen has no escape sequence, and something else
plain()
{
	if grep -q "$escape" seen; then
		not_ok "$1" "it has escape sequences: $(brief seen)"
	else
		has "$1" knlp seen
	fi
}

"$KNLP" nonsense 2>seen
plain "an error into a file"
if ! script -qec true /dev/null >out 2>&1 </dev/null; then
	skip colours "no script(1), which makes terminals"
	exit 0
fi
terminal "$KNLP" nonsense
has "an error is red" "knlp: ${red}error: $escape" seen
NO_COLOR=1 terminal "$KNLP" nonsense
plain "NO_COLOR"
NO_COLOR='' terminal "$KNLP" nonsense
has "NO_COLOR, but empty" "$red" seen
TERM=dumb terminal "$KNLP" nonsense
plain "TERM=dumb"

needs train 'data prepare'
prepare_text
plan="$KNLP train --data data --config tiny.config"
terminal "$plan" --dry-run --set TRAIN_WARMUP=40
has "a warning is yellow" "${yellow}warning: $escape" seen
has "and the answer has no colour" '^parameters  *[0-9]' seen
terminal "$plan" --run bar
has "a bar, and it is green" "train  \\[${green}[=>]" seen
NO_COLOR=1 terminal "$plan" --run plain-bar
has "a bar without colour" 'train  \[[=>]' seen
TERM=dumb terminal "$plan" --run no-bar
plain "no bar on a dumb terminal"
