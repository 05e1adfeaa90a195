# SPDX-License-Identifier: MIT
# What bash and zsh complete, with the scripts that knlp prints.
. "$SRCTREE/tests/lib.sh"

if ! "$KNLP" completion bash >knlp.bash 2>err; then
	skip completion "built without knlp completion"
	exit 0
fi
for command in train 'data prepare' generate config; do
	# shellcheck disable=SC2086 # a command may have two words
	"$KNLP" $command -h >out 2>err || { skip completion "built without knlp $command"; exit 0; }
done

# ---- bash -----------------------------------------------------------------------------
# Words are divided at "=" and ":" as bash divides them.
cat >driver.bash <<'END'
source ./knlp.bash
complete -p knlp | grep -q -- '-F _knlp' || echo 'not registered'
COMP_WORDS=(knlp)
for word; do
	while [[ $word == *[=:]* ]]; do
		head=${word%%[=:]*}
		[[ $head ]] && COMP_WORDS+=("$head")
		word=${word#"$head"}
		COMP_WORDS+=("${word:0:1}")
		word=${word:1}
		[[ $word ]] || continue 2
	done
	COMP_WORDS+=("$word")
done
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_knlp
printf '%s\n' "${COMPREPLY[@]}" | sort
END

# bash_gives NAME WANT WORD...: the candidates on one line
bash_gives()
{
	_name=$1 _want=$2
	shift 2
	equal "bash: $_name" "$(bash driver.bash "$@" 2>&1 | tr '\n' ' ' | sed 's/ *$//')" "$_want"
}

# bash_has NAME CANDIDATE WORD...
bash_has()
{
	_name=$1 _want=$2
	shift 2
	bash driver.bash "$@" >out 2>&1
	has "bash: $_name" "^$_want *\$" out
}

mkdir text
: >text/a.txt
if command -v bash >/dev/null; then
	bash_gives "a command" version ver
	bash_gives "the first word of some" 'config convert' con
	bash_has "all commands" help ''
	bash_gives "the second word" prepare data pr
	bash_gives "an option" "--dry-run" train --dry
	bash_gives "one that takes a value" "--data=" train --da
	bash_gives "of a command of two words" "--piece-bytes=" data prepare --pi
	bash_gives "a folder behind =" text train --data=te
	bash_gives "a folder behind a blank" text train --data te
	bash_gives "a file behind a short option" text/a.txt train -c text/
	bash_gives "a folder as argument" text data check te
	bash_gives "a parameter" "MODEL_FAMILY=" train --set=MODEL_FAM
	bash_gives "behind a blank" "MODEL_FAMILY=" train --set MODEL_FAM
	bash_gives "its values" "gemma3 gpt2 llama qwen2 qwen3" train --set=MODEL_FAMILY=
	bash_gives "the beginning of one" llama train --set=MODEL_FAMILY=l
	bash_gives "one that there is not" "" config --set=NOPE
	bash_gives "a parameter to explain" TRAIN_LR config --help-for=TRAIN_LR
	bash_gives "the same behind a blank" TRAIN_LR config --help-for TRAIN_LR
	if "$KNLP" report -h >out 2>err; then
		bash_gives "formats" "html json md" report --format=
		bash_gives "a format behind a short option" json report -f j
	fi
	if "$KNLP" data tokenizer -h >out 2>err; then
		bash_gives "a pattern" llama3 data tokenizer --pattern=l
	fi
	bash_gives "help" generate help gen
	bash_gives "an op" count_valid ops count_v
	# Each long option of each command.
	"$KNLP" | sed -n 's/^  \([a-z][a-z0-9-]*\( [a-z][a-z0-9-]*\)\{0,1\}\)  .*/\1/p' >commands
	while read -r command; do
		# shellcheck disable=SC2086 # a command may have two words
		"$KNLP" $command -h | sed -n '/^options:/,/^$/p' |
			sed -n 's/^  *\(-[a-zA-Z], \)\{0,1\}\(--[a-z0-9-]*=*\).*/\2/p' | sort >want
		# shellcheck disable=SC2086
		bash driver.bash $command -- | sed 's/ *$//' | sort >got
		equal "bash: options of $command" "$(cat got)" "$(cat want)"
	done <commands
else
	skip bash "there is none"
fi

# ---- zsh ------------------------------------------------------------------------------
# The shell's own functions print what they are asked for.
cat >driver.zsh <<'END'
compdef() { }
compadd()
{
	local -a given
	while [[ $1 == -* && $1 != -- ]]; do
		[[ $1 == -a ]] && { given=("${(@P)2}"); break }
		[[ $1 == -[dS] ]] && shift
		shift
	done
	[[ $1 == -- ]] && shift
	(( ${#given} )) || given=("$@")
	for name in $given; do
		[[ $name == $PREFIX* ]] && print -r -- $name
	done
}
_files() { print -r -- "files $*" }
compset()
{
	[[ $2 == 1 ]] && PREFIX=${PREFIX#*=} || PREFIX=${PREFIX##*=}
}
words=(knlp "$@")
CURRENT=${#words}
PREFIX=${words[-1]}
source ./knlp.zsh
_knlp | sort
END
"$KNLP" completion zsh >knlp.zsh
equal "zsh: the first line" "$(head -n 1 knlp.zsh)" "#compdef knlp"

zsh_gives()
{
	_name=$1 _want=$2
	shift 2
	equal "zsh: $_name" "$(zsh -f driver.zsh "$@" 2>&1 | tr '\n' ' ' | sed 's/ *$//')" "$_want"
}

if command -v zsh >/dev/null; then
	zsh_gives "a command" version ver
	zsh_gives "the second word" prepare data pr
	zsh_gives "an option" "--dry-run" train --dry
	zsh_gives "one that takes a value" "--data=" train --da
	zsh_gives "a folder behind =" "files -/" train --data=te
	zsh_gives "a file behind a short option" files train -c text/
	zsh_gives "a parameter" "MODEL_FAMILY=" train --set=MODEL_FAM
	zsh_gives "behind a blank" "MODEL_FAMILY=" train --set MODEL_FAM
	zsh_gives "its values" "gemma3 gpt2 llama qwen2 qwen3" train --set=MODEL_FAMILY=
	zsh_gives "a parameter to explain" TRAIN_LR config --help-for=TRAIN_LR
	if "$KNLP" report -h >out 2>err; then
		zsh_gives "formats" "html json md" report --format=
	fi
	zsh_gives "help" generate help gen
else
	skip zsh "there is none"
fi

fails "another shell" 2 "none for 'fish'" "$KNLP" completion fish
