# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# The base configuration of an experiment is a defconfig; what it makes runs the experiment.
. "$SRCTREE/tests/lib.sh"

clone_objtree obj
for dir in "$SRCTREE"/defconfigs/experiments/*/; do
	name=$(basename "$dir")
	succeeds "${name}_defconfig" make_in obj "${name}_defconfig"
	has "$name: the binary will know it" "^CONFIG_RUN_EXPERIMENT=\"$name\"\$" obj/.config
done
succeeds "null-and-planted_defconfig" make_in obj null-and-planted_defconfig
succeeds "make" make_in obj -j2 knlp
fails "its binary runs it" 1 'there is no data in nowhere: make it with `scripts/corpus' \
	sh -c "cd '$SRCTREE' && '$PWD/obj/knlp' run --data nowhere --out '$PWD/run'"
fails "make run" 2 'there is no data in nowhere' make_in obj run \
	ARGS="--data nowhere --out '$PWD/run'"
