# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# What knlp train, eval loss and generate refuse, and what they leave behind: one line on
# stderr, exit code 1 (2 for wrong usage), nothing lost, nothing half-written.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train 'eval loss' generate 'data prepare'
prepare_text

# Under the sanitizer, too, a machine may lack memory.
: "${ASAN_OPTIONS:=allocator_may_return_null=1}"
export ASAN_OPTIONS

# refuses NAME CODE TEXT COMMAND...: as fails, and stderr is one line
refuses()
{
	fails "$@"
	equal "$1: in one line" "$(wc -l <err | tr -d ' ')" 1
}
# no_run NAME RUN: there is no trace of it
no_run()
{
	equal "$1" "$(ls -d "$2" 2>/dev/null)" ""
}

tiny base >out 2>err
good=$(bits base)

# ---- usage ------------------------------------------------------------------------
refuses "no data" 2 'data is missing' "$KNLP" train --run x
refuses "no run" 2 'run is missing' "$KNLP" train --data data
refuses "--resume and --init" 2 'without --init' tiny x --resume --init base
refuses "an argument too many" 2 'argument' tiny x y
refuses "eval without data" 2 'data is missing' "$KNLP" eval loss base
refuses "eval without model" 2 'RUN|MODEL is missing' "$KNLP" eval loss --data data
refuses "generate without model" 2 'RUN|MODEL is missing' "$KNLP" generate
refuses "training on a run" 1 'base: a run or model folder, not a data folder' \
	"$KNLP" train --data base --run new
refuses "generate from data" 1 'data: a data folder, not a run or model' "$KNLP" generate data
refuses "a run without a name" 2 "'--run': the value is empty" "$KNLP" train --data data --run ''
refuses "a batch of none" 2 'batch' "$KNLP" eval loss --data data --batch 0 base
refuses "a temperature below zero" 2 'temperature' "$KNLP" generate --temperature -1 base

# ---- parameters -------------------------------------------------------------------
refuses "unknown parameter" 2 'TRAIN_LRR.*TRAIN_LR' tiny x --set TRAIN_LRR=1
refuses "out of range" 2 'TRAIN_BATCH.*65536' tiny x --set TRAIN_BATCH=0
refuses "badly typed" 2 'TRAIN_LR.*fast' tiny x --set TRAIN_LR=fast
refuses "no such choice" 2 'TRAIN_SCHEDULE.*cosine' tiny x --set TRAIN_SCHEDULE=straight
bad()
{
	_bad=$1
	shift
	printf '%s\n' "$_bad" >bad.config
	refuses "config: $_bad" 1 "bad.config:1: .*$1" tiny x --config bad.config
}
bad 'CONFIG_TRAIN_LRR="1"' TRAIN_LRR
bad 'CONFIG_TRAIN_BATCH=65537' 'TRAIN_BATCH.*65536'
bad 'CONFIG_TRAIN_LR="quick"' 'TRAIN_LR.*quick'
bad 'CONFIG_MODEL_ATTENTION="full*2,sparse"' 'MODEL_ATTENTION.*sparse'
bad 'CONFIG_DATA_SHUFFLE="maybe"' DATA_SHUFFLE
bad 'CONFIG_WARP_DRIVE=y' WARP_DRIVE
bad 'nonsense' nonsense
if ! "$KNLP" version | grep -q -w LTO; then
	bad 'CONFIG_LTO=y' LTO
fi
refuses "no such config" 1 'none.config' tiny x --config none.config
refuses "nothing to train on" 1 'TRAIN_TOKENS is 0' tiny x --set TRAIN_TOKENS=0
refuses "heads that do not divide" 1 'MODEL_WIDTH 32.*MODEL_HEADS 3' \
	tiny x --set MODEL_HEADS=3
refuses "layers that do not add up" 1 'MODEL_ATTENTION' \
	tiny x --set 'MODEL_ATTENTION=full*3'
refuses "vocabulary too small" 1 'MODEL_VOCAB is 100.*257' tiny x --set MODEL_VOCAB=100
refuses "no such device" 1 "device 'abacus'" tiny x --set TRAIN_DEVICE=abacus
fails "no room" 1 'training needs .* are available' \
	tiny x --set MODEL_WIDTH=65536 --set MODEL_LAYERS=1024
no_run "nothing of all this is left" x

# ---- data -------------------------------------------------------------------------
# Enough training text, but the held-out part has less than a window.
head -c 3000 text >some
printf 'too short' >short
"$KNLP" data prepare -q --input some --val short -t byte --out small >out 2>err
refuses "held-out text too short" 1 'val tokens are too few for one window of 32' \
	"$KNLP" train --data small --run x --config tiny.config
refuses "so for eval" 1 'val tokens are too few' "$KNLP" eval loss --data small base
"$KNLP" data prepare -q --input short --val some -t byte --out small2 >out 2>err
refuses "training text too short" 1 'train tokens are too few' \
	"$KNLP" train --data small2 --run x --config tiny.config
refuses "no data folder" 1 'nowhere' "$KNLP" train --data nowhere --run x
: >empty
refuses "empty text" 1 'empty' "$KNLP" data prepare -i empty -t byte -o none
cp -r data torn
for shard in torn/train_*.bin; do
	head -c 3000 "$shard" >part && mv part "$shard"
done
refuses "truncated shard" 1 'train_.*bin: truncated' \
	"$KNLP" train --data torn --run x --config tiny.config
rm torn/train_*.bin
refuses "missing shard" 1 'train_.*bin' "$KNLP" train --data torn --run x --config tiny.config
if "$KNLP" version | grep -q TOKENIZER_BPE; then
	fixtures=$SRCTREE/tests/data/tokenizer
	"$KNLP" data prepare -q -i "$fixtures/corpus.txt" -t "gpt2:$fixtures" -o bpe \
		--piece-bytes 300 >out 2>err
	refuses "another tokenizer" 1 "bpe: tokenized with .* trained with 'byte'" \
		"$KNLP" eval loss --data bpe base
	refuses "--init with another tokenizer" 1 "bpe: tokenized with .* trained with 'byte'" \
		"$KNLP" train --data bpe --run x --config tiny.config --init base
fi
no_run "nothing of all this is left, either" x

# ---- runs -------------------------------------------------------------------------
refuses "run exists" 1 'base holds a run already: resume it' tiny base
mkdir mine
echo important >mine/notes
refuses "folder of something else" 1 "mine is not empty ('notes')" tiny mine
equal "which stays as it is" "$(ls mine)" notes
refuses "resume without a run" 1 'no-run' tiny no-run --resume
no_run "makes none" no-run
refuses "resume with other parameters" 1 \
	'TRAIN_LR was 0.001, now 0.5; TRAIN_WARMUP was 4, now 9\|TRAIN_WARMUP was' \
	tiny base --resume --set TRAIN_LR=0.5 --set TRAIN_WARMUP=9
has "names each" 'TRAIN_LR was .*, now 0.5' err
"$KNLP" data prepare -q -i some -t byte -o other >out 2>err
refuses "resume with other data" 1 'data_hash' \
	"$KNLP" train --data other --run base --config tiny.config --resume
refuses "no such --init" 1 'no-model' tiny x --init no-model
refuses "--init of another size" 1 'MODEL_WIDTH is 32 in base, not 64' tiny x --init base --set MODEL_WIDTH=64
refuses "--init with other layers" 1 'MODEL_LAYERS is 2 in base, not 3' tiny x --init base --set MODEL_LAYERS=3
refuses "--init of another family" 1 'MODEL_FAMILY is gpt2 in base, not llama' \
	tiny x --init base --set MODEL_FAMILY=llama
no_run "a wrong --init leaves no run" x
refuses "eval of nothing" 1 'no-run' "$KNLP" eval loss --data data no-run
refuses "generate from nothing" 1 'no-run' "$KNLP" generate no-run
refuses "eval of a folder" 1 'mine' "$KNLP" eval loss --data data mine
refuses "a context beyond the model's" 1 'context 33' \
	"$KNLP" eval loss --data data --context 33 base
equal "the run is as it was" "$(bits base)" "$good"

# Two at once: the second is told who is first.
"$KNLP" train -q --data data --run two --config tiny.config --set TRAIN_TOKENS=9M \
	>out2 2>err2 &
pid=$!
while [ "$(lines two)" -lt 3 ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
refuses "two on one run" 1 "two is in use by process $pid" \
	tiny two --resume --set TRAIN_TOKENS=9M
refuses "two new ones" 1 'two holds a run already' tiny two --set TRAIN_TOKENS=9M
kill -TERM $pid
wait $pid
equal "the first does not mind" $? 1
has "and ends as asked" 'the checkpoint is written' err2

# ---- damaged checkpoints ----------------------------------------------------------
# damage FILE: another byte in its middle
damage()
{
	_at=$(($(wc -c <"$1") / 2))
	dd if="$1" bs=1 skip=$_at count=1 2>/dev/null | tr '\000-\377' '\001-\377\000' >byte
	dd if=byte of="$1" bs=1 seek=$_at conv=notrunc 2>/dev/null
}
for what in model.safetensors optimizer.safetensors state.yaml config; do
	rm -rf hurt
	cp -r base hurt
	damage "$(newest hurt)/$what"
	succeeds "altered $what: goes on" tiny hurt --resume
	has "altered $what: with a warning that names it" "warning: .*step-0000000040/$what" err
	equal "altered $what: with the same bits" "$(bits hurt)" "$good"
	steps_once hurt 40
done
rm -rf hurt
cp -r base hurt
head -c 1000 "$(newest base)/model.safetensors" >"$(newest hurt)/model.safetensors"
"$KNLP" eval loss -q --data data hurt >out 2>err
has "eval falls back" 'model.safetensors: torn.*falling back' err
for dir in hurt/checkpoints/step-*; do
	: >"$dir/optimizer.safetensors"
done
cp -r hurt before
fails "all damaged" 1 'none of 2 checkpoints is whole' tiny hurt --resume
has "all damaged: each is named" 'step-0000000030/optimizer.safetensors' err
equal "all damaged: they stay" "$(cd hurt/checkpoints && cksum ./*/*)" \
	"$(cd before/checkpoints && cksum ./*/*)"
equal "all damaged: the log stays" "$(cksum <hurt/metrics.jsonl)" \
	"$(cksum <before/metrics.jsonl)"
fails "all damaged: eval" 1 'none of 2' "$KNLP" eval loss --data data hurt
rm -rf hurt before

# ---- numbers that are none --------------------------------------------------------
wild='--set TRAIN_LR=10 --set OPTIM_WEIGHT_DECAY=10 --set OPTIM_CLIP=0 --set TRAIN_WARMUP=0'
wild="$wild --set TRAIN_SCHEDULE=constant --set TRAIN_CHECKPOINT_EVERY=1"
wild="$wild --set TRAIN_EVAL_EVERY=0"
# shellcheck disable=SC2086
refuses "NaN" 1 'step [0-9]*: the [a-z]* is not finite' tiny nan $wild
has "NaN: names op and tensor" "op '.*' made .* in tensor '.*'" err
has "NaN: says what to do" 'checkpoint is that of step [0-9]*: .*--init=nan.*TRAIN_LR.*OPTIM_CLIP' err
equal "NaN: the log ends with it" "$(tail -n 1 nan/metrics.jsonl |
	sed 's/\("step":[0-9]*\),"message":"step [0-9]*: the [a-z]* is not finite.*/\1/')" \
	"{\"event\":\"failed\",\"step\":$(grep -c '"event":"train"' nan/metrics.jsonl |
		awk '{ print $1 + 1 }')"
if "$KNLP" report -h >out 2>&1; then
	"$KNLP" report --format=md nan >out 2>err
	has "NaN: the report says so" \
		'The run failed after step .*: step [0-9]*: the [a-z]* is not finite' out
	"$KNLP" report --format=json nan >out 2>err
	has "NaN: in JSON, too" '"state":"failed","failure":"step ' out
fi
last=$(($(field step nan/metrics.jsonl) - 1))
equal "NaN: the last good checkpoint is there" "$(newest nan)" \
	"nan/checkpoints/step-$(printf %010d "$last")"
succeeds "NaN: and whole" "$KNLP" info nan
# shellcheck disable=SC2086
refuses "NaN: comes again" 1 'not finite' tiny nan $wild --resume
equal "NaN: it is logged once" "$(grep -c '"event":"failed"' nan/metrics.jsonl)" 1
no_remains "NaN: nothing temporary is left" nan
# shellcheck disable=SC2086
refuses "NaN without a checkpoint" 1 'no checkpoint is written yet: .*TRAIN_LR.*OPTIM_CLIP' \
	tiny nan-none $wild --set TRAIN_CHECKPOINT_EVERY=0
sed -i '/"event":"failed"/d' nan/metrics.jsonl

# ---- a training that diverges -----------------------------------------------------
# One step that is far too long; with more of them the numbers may overflow, as text will.
succeeds "divergence" tiny diverges --set TRAIN_LR=5 --set TRAIN_WARMUP=0 --set TRAIN_TOKENS=128
has "divergence: a warning" 'warning: step 1: held-out loss .* is above the 5.54.* uniform' err

# ---- no room, no permission -------------------------------------------------------
# A run that dies for want of room keeps what it had and goes on when there is some.
no_room()
{
	has "$1: names file and reason" "$2" err
	equal "$1: in one line" "$(wc -l <err | tr -d ' ')" 1
	no_remains "$1: nothing temporary is left" "$3"
}
# Files of this size are too large: the log, once it has some steps.
(ulimit -f 20 && exec "$KNLP" train -q --data data --run limit --config tiny.config \
	--set TRAIN_TOKENS=51200) >out 2>err
equal "file too large: exit code" $? 1
no_room "file too large" 'File too large' limit
equal "file too large: no checkpoint" "$(newest limit)" ""
succeeds "file too large: goes on" tiny limit --resume --set TRAIN_TOKENS=51200
steps_once limit 400

mkdir disk
if mount -t tmpfs -o size=1200k none disk 2>/dev/null; then
	tiny disk/run --set TRAIN_TOKENS=51200 >out 2>err
	code=$?
	if [ $code -eq 0 ]; then	# room for all: take some away
		rm -rf disk/run
		dd if=/dev/zero of=disk/fill bs=1k count=500 2>/dev/null
		tiny disk/run --set TRAIN_TOKENS=51200 >out 2>err
		code=$?
	fi
	equal "full disk: exit code" $code 1
	no_room "full disk" 'No space left' disk/run
	rm -f disk/fill
	mount -o remount,size=8m disk
	succeeds "full disk: goes on" tiny disk/run --resume --set TRAIN_TOKENS=51200
	steps_once disk/run 400
	cp -r disk/run . && equal "full disk: the same bits" "$(bits run)" "$(bits limit)"
	mount -o remount,ro disk
	refuses "read-only: resume" 1 'Read-only' tiny disk/run --resume --set TRAIN_TOKENS=51200
	refuses "read-only: new run" 1 'Read-only' tiny disk/new
	succeeds "read-only: eval" "$KNLP" eval loss -q --data data disk/run
	umount disk
else
	skip "full disk" "cannot mount"
fi
if [ "$(id -u)" -ne 0 ]; then
	mkdir locked
	chmod 555 locked
	refuses "no permission" 1 'Permission denied' tiny locked/run
	chmod 755 locked
fi
refuses "a file in the way" 1 'text' tiny text/run
