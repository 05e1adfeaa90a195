# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# Every run parameter is live: another legal value changes what training does.  Values
# are made from the types that `knlp config` gives, so that a new parameter is tested
# without a line here.  What counts as a change: weights and moments after five steps,
# the log, the checkpoints, the plan of --dry-run, a message.  Mere text in the stored
# configuration does not.  A choice must do something else for each of its words.  What is
# `from end` must change nothing: it is live where it is read, and tested there.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train config 'data prepare'
english | head -c 20000 >text
"$KNLP" data prepare -q -i text -t byte -o data --piece-bytes 64 >out 2>err

# Some parameters matter only beside others: where the first setting shows nothing, the
# second one may.
cat >tiny.config - <<'END'
CONFIG_MODEL_LAYERS=2
CONFIG_MODEL_WIDTH=32
CONFIG_MODEL_HEADS=2
CONFIG_MODEL_CONTEXT=32
CONFIG_TRAIN_BATCH=4
CONFIG_TRAIN_WARMUP=1
CONFIG_TRAIN_TOKENS="640"
CONFIG_TRAIN_EVAL_TOKENS="0"
CONFIG_TRAIN_EVAL_EVERY=3
END
cp tiny.config first
cat tiny.config - >second <<'END'
CONFIG_MODEL_POSITION="rope"
CONFIG_MODEL_ROPE_SCALING="llama3"
CONFIG_MODEL_ROPE_ORIGINAL=32
CONFIG_MODEL_BIAS="no"
CONFIG_MODEL_ATTENTION="window"
CONFIG_MODEL_WINDOW=16
CONFIG_OPTIM_GROUPS="matrix:optimizer=muon;norm:optimizer=sgd"
CONFIG_TRAIN_SCHEDULE="wsd"
CONFIG_TRAIN_DECAY_FRACTION="0.8"
CONFIG_DATA_NOISE="0.5"
END

# Of pruning, much counts beside one criterion or allocation alone.
cat first - >third <<'END'
CONFIG_PRUNE_SCHEDULE="linear"
CONFIG_PRUNE_START="0.2"
CONFIG_PRUNE_END="0.8"
CONFIG_PRUNE_INTERVAL=1
CONFIG_PRUNE_CRITERION="scale_free"
END
sed 's/scale_free/obd/' third >fourth
cat >>fourth <<'END'
CONFIG_PRUNE_ALLOC="file"
CONFIG_PRUNE_ALLOC_FILE="sparsities"
END
echo 'weight 0.5' >sparsities
sed 's/scale_free/random/' third >fifth
echo 'CONFIG_PRUNE_ALLOC="global"' >>fifth

for file in first second third fourth fifth; do
	succeeds "the $file setting trains" "$KNLP" train -d data -r "run-$file" -c $file
	has "the $file setting learns" '"event":"eval","step":5,.*"loss":[0-9]' \
		"run-$file/metrics.jsonl"
done

# threads ARG...: how many a training has while it runs
threads()
{
	rm -rf live
	"$KNLP" train -q -d data -r live -c "$@" --set TRAIN_TOKENS=90M >/dev/null 2>&1 &
	_pid=$!
	while [ "$(lines live)" -lt 1 ] && kill -0 $_pid 2>/dev/null; do sleep 0.01; done
	grep Threads "/proc/$_pid/status" 2>/dev/null
	kill -KILL $_pid
	wait $_pid 2>/dev/null
}

# outcome TYPE FILE ASSIGNMENT: all that can be seen of a training, in one line; with
# plan=y also what --dry-run says, which takes longer than the training: it measures the
# machine.
plan=
outcome()
{
	rm -rf live
	{
		[ -z "$plan" ] || "$KNLP" train -d data -c "$2" --set "$3" --dry-run 2>&1
		"$KNLP" train -d data -r live -c "$2" --set "$3" 2>&1
		find live/checkpoints | sort
		cat live/checkpoints/*/*.safetensors
		without_time live
		case $1 in local*) threads "$2" --set "$3" ;; esac
	} 2>/dev/null | grep -a -v -e '^available ' -e '^load ' -e '^time ' -e '^speed ' |
		cksum
}

# values TYPE NOW: other legal values
values()
{
	echo "${1#local }" | sed 's/ from [A-Za-z_]*$//' | awk -v now="$2" '
		$1 == "bool" { print now == "y" ? "n" : "y" }
		$1 == "one" { for (i = 3; i <= NF; i++) print $i }
		$1 == "per-layer" { for (i = 4; i <= NF; i++) print $i }
		$1 == "tokens" { print "128\n1000" }
		$1 == "string" { print "nothing-like-this" }
		$1 == "int" || $1 == "float" {
			split($2, range, /\.\./)
			n = split($1 == "int" ? "1 2 3 6 40 300" : "0.5 0.9 2 20 0.01", some, " ")
			some[++n] = range[1]
			some[++n] = now + 1
			some[++n] = 2 * now
			for (i = 1; i <= n; i++)
				if (some[i] >= range[1] + 0 && some[i] <= range[2] + 0 &&
				    some[i] != now)
					print some[i]
		}'
}

# usual FILE: the outcome without --set, found once for each kind of outcome
usual()
{
	case $type in local*) kind=local ;; *) kind=all ;; esac
	[ -s "usual-$1-$kind-$plan" ] || outcome "$type" "$1" DATA_SHUFFLE=y >"usual-$1-$kind-$plan"
	cat "usual-$1-$kind-$plan"
}

# One value that changes something is enough ...
number_is_live()
{
	for file in $settings; do
		was=$(usual $file)
		for value in $(values "$type" "$now"); do
			[ "$(outcome "$type" $file "$name=$value")" = "$was" ] || return 0
		done
	done
	return 1
}

# ... but of words each has to differ from all others; `auto` may be any of them.
words_are_live()
{
	want=$(values "$type" "$now" | grep -c -v '^auto$')
	for file in $settings; do
		have=$(for value in $(values "$type" "$now"); do
			outcome "$type" $file "$name=$value"
		done | sort -u | wc -l)
		[ "$have" -lt "$want" ] || return 0
	done
	return 1
}

# is_live TEST: the plan is asked only about what training itself does not show
is_live()
{
	for plan in '' y; do
		"$1" && return
	done
	return 1
}

# What nothing changed looks alike.
plan=y
equal "two trainings look the same" "$(outcome bool first DATA_SHUFFLE=y)" \
	"$(outcome bool first DATA_SHUFFLE=y)"

"$KNLP" config -c tiny.config | sed '/^# Features/,$d' |
	sed -n 's/^\(# \)\{0,1\}CONFIG_\([A-Z0-9_]*\).*/\2/p' >names
[ -s names ] || not_ok "parameters" "knlp config lists none"
while read -r name; do
	"$KNLP" config -c tiny.config --help-for="$name" >out
	type=$(sed -n 's/^type:  *//p' out)
	now=$(sed -n 's/^value:  *//p' out)
	case $name in
	PRUNE_*) settings='third fourth fifth' ;;
	*) settings='first second' ;;
	esac
	if [ -z "$(values "$type" "$now")" ]; then
		not_ok "$name" "no values for its type '$type': teach tests/cli/live.sh"
		continue
	fi
	case ${type#local } in
	*' from end')
		plan=
		was=$(outcome bool first DATA_SHUFFLE=y)
		# In a file: knlp train knows no --set of what it does not read.
		for value in $(values "$type" "$now" | sort -u); do
			{ cat first; echo "$name=$value"; } >with
			equal "$name=$value: training does not read it" \
				"$(outcome bool with DATA_SHUFFLE=y)" "$was"
		done ;;
	'one of'* | 'per-layer list of'*)
		if is_live words_are_live; then ok "$name"; else
			not_ok "$name" "$have outcomes for $want words"
		fi ;;
	*)
		if is_live number_is_live; then ok "$name"; else
			not_ok "$name" "no other value changes anything"
		fi ;;
	esac
done <names
