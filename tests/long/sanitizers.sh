# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# The unit and op tests, and the tests of what users do, under the sanitizers: bad memory
# accesses, undefined behaviour, leaks at the exit, races.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

# Instrumented code is slow.
CK_TIMEOUT_MULTIPLIER=10
export CK_TIMEOUT_MULTIPLIER

# The thread sanitizer does not know the address layout of every kernel.
fixed_layout=
setarch -R true 2>/dev/null && fixed_layout='setarch -R'

# instrumented OBJTREE COMMAND...: with the programs of that object tree
instrumented()
{
	_obj=$PWD/$1
	shift
	# shellcheck disable=SC2086
	KNLP=$_obj/knlp KNLP_TEST=$_obj/knlp-test OBJTREE=$_obj $fixed_layout "$@" >out 2>&1
}

for san in address,undefined thread; do
	obj=obj-$san config=check_defconfig
	# Nor the coroutines that stand for the threads of a GPU (CUDA_HOST).
	[ $san != thread ] || config=defconfig
	make_in "$obj" $config >out 2>err
	if ! make_in "$obj" -j"$(nproc)" SAN=$san tests >out 2>err; then
		not_ok "SAN=$san" "build: $(brief err)"
		continue
	fi
	if instrumented "$obj" "$obj/knlp-test"; then
		ok "SAN=$san: knlp-test"
	else
		not_ok "SAN=$san: knlp-test" \
			"$(grep -e SUMMARY -e ':[EF]:' out | head -n 3 | tr '\n' ' ')"
	fi
	if [ $san = thread ]; then
		succeeds "SAN=$san: data" "$obj/knlp" data prepare -q -i "$SRCTREE/README.md" \
			-t byte -o data --piece-bytes 1000
		for set in TRAIN_DTYPE=f32 TRAIN_DTYPE=bf16 OPTIM_NAME=muon OPTIM_NAME=sgd \
				MODEL_FAMILY=llama TRAIN_RECOMPUTE=layer; do
			if instrumented "$obj" "$obj/knlp" train -q -d data -r "run-$set" \
					-c tiny.config --set "$set" -t 3; then
				ok "SAN=$san: a training with 3 threads, $set"
			else
				not_ok "SAN=$san: a training with 3 threads, $set" "$(brief out)"
			fi
		done
		if instrumented "$obj" "$obj/knlp" data tokenizer -q -i "$SRCTREE/README.md" \
				--vocab 300 -o tokenizer -t 3; then
			ok "SAN=$san: a tokenizer made with 3 threads"
		else
			not_ok "SAN=$san: a tokenizer made with 3 threads" "$(brief out)"
		fi
		continue
	fi
	for test in train train-errors train-cut train-bf16 train-optim data data-info data-tokenizer \
			interactive report bench docs-examples; do
		if instrumented "$obj" sh "$SRCTREE/tests/cli/run.sh" -t 1800 \
				"$SRCTREE/tests/cli/$test.sh"; then
			ok "SAN=$san: tests/cli/$test.sh"
		else
			not_ok "SAN=$san: tests/cli/$test.sh" "$(brief out)"
		fi
	done
done
