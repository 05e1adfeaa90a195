# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# What the defaults reach on 1 MB of real English in a minute or two: less than 1.9 nats
# per held-out byte, and text that consists of words.  The device changes no bit of it.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

"$KNLP" train -h >out 2>err || { skip real-training "no knlp train"; exit 0; }
big_english real || { skip real-training "no English text on this machine"; exit 0; }
"$KNLP" data prepare -q --input real --tokenizer byte --out data >out 2>err

for device in cpu remote; do
	if [ $device = remote ] && ! "$KNLP" version | grep -q REMOTE; then
		skip remote "it is not in this build"
		continue
	fi
	succeeds "$device: train" "$KNLP" train -q --data data --run $device \
		--set TRAIN_TOKENS=1300k --set TRAIN_DEVICE=$device
	below "$device: held-out nats per byte" \
		"$(field nats_per_byte $device/metrics.jsonl)" 1.9
	writes_words "$device: generates words" $device 50
done
[ ! -d remote ] || equal "the same bits on both" "$(bits remote)" "$(bits cpu)"

succeeds "llama: train" "$KNLP" train -q --data data --run llama --set MODEL_FAMILY=llama \
	--set TRAIN_TOKENS=700k
below "llama: held-out nats per byte" "$(field nats_per_byte llama/metrics.jsonl)" 1.9
writes_words "llama: generates words" llama 50
