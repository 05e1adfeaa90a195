# SPDX-License-Identifier: MIT
# The commands in the EXAMPLES of the manual pages, in the page on optimizers and in the
# README's tour work as they stand there.  The files that they name are made here; models are small.
. "$SRCTREE/tests/lib.sh"

for command in 'config' 'data prepare' 'eval loss' 'generate' 'report' 'train'; do
	if ! "$KNLP" | grep -q "^  $command  "; then
		skip examples "built without knlp $command"
		exit 0
	fi
done
if ! "$KNLP" version | grep -q '^features:.* TOKENIZER_BPE'; then
	skip examples "built without CONFIG_TOKENIZER_BPE"
	exit 0
fi

# ---- what the commands find -------------------------------------------------------

# Documents of English prose: this documentation, cut at its headings.
prose()
{
	cat "$SRCTREE"/Documentation/*.md "$SRCTREE"/Documentation/*/*.md |
		sed 's/^#.*/<|endoftext|>\
&/'
}

# Parameters of a training that takes seconds.  An example's own --set counts more.
cat >small.config <<'END'
CONFIG_MODEL_LAYERS=2
CONFIG_MODEL_WIDTH=32
CONFIG_MODEL_CONTEXT=32
CONFIG_TRAIN_BATCH=4
CONFIG_TRAIN_TOKENS="20480"
CONFIG_TRAIN_EVAL_EVERY=80
CONFIG_TRAIN_EVAL_TOKENS="1k"
CONFIG_TRAIN_CHECKPOINT_EVERY=60
END

# knlp, with these parameters for what trains.
mkdir bin
cat >bin/knlp <<END
#!/bin/sh
case \$1\ \$2 in
train\ *)	shift; set -- train --threads=1 --config="$PWD/small.config" "\$@" ;;
bench\ train) shift 2; set -- bench train --config="$PWD/small.config" "\$@" ;;
bench\ fim) shift 2; set -- bench fim --config="$PWD/small.config" "\$@" ;;
esac
exec "$KNLP" "\$@"
END

# timeout, for a training: a signal after the first step, whatever the time.  A program that
# was done before, on a machine with other work, is not a failure.
cat >bin/timeout <<'END'
#!/bin/sh
shift 3
for arg; do
	case $arg in --run=*) run=${arg#--run=} ;; esac
done
"$@" &
pid=$!
while kill -0 $pid 2>/dev/null && [ ! -s "$run/metrics.jsonl" ]; do
	:	# some milliseconds: all the steps together take little more
done
kill -INT $pid
wait $pid
rc=$?
[ $rc -gt 1 ] && exit $rc
exit 124
END
chmod +x bin/knlp bin/timeout
PATH=$PWD/bin:$PATH

# ---- running them -------------------------------------------------------------------

# examples FILE HEADING: the commands in its blocks without a language, one per line
examples()
{
	awk -v heading="## $2" '
		/^## / { on = $0 == heading; next }
		on && /^```/ { code = !code && $0 == "```"; next }
		on && code {
			line = line $0
			if (sub(/\\$/, "", line))
				next
			if (line !~ /^ *(#|$)/)
				print line
			line = ""
		}' "$1"
}

# run_all FILE HEADING
run_all()
{
	examples "$1" "$2" >commands
	while read -r line; do
		case $line in
		scripts/* | make*) continue ;;
		timeout*) want=124 ;;
		*) want=0 ;;
		esac
		sh -c "$line" >out 2>err </dev/null
		rc=$?
		if [ $rc -eq $want ]; then
			ok "$line"
		else
			not_ok "$line" "exit code $rc: $(brief err)"
		fi
	done <commands
}

# The pages, in one folder: what one makes, the next may use.
mkdir pages pages/data pages/gpt2 pages/model
cd pages || exit 1
prose >shakespeare.txt
sed 's/the/a/g' shakespeare.txt >train.txt
sed 's/the/this/g' shakespeare.txt >val.txt
cp "$SRCTREE"/tests/data/tokenizer/encoder.json "$SRCTREE"/tests/data/tokenizer/vocab.bpe gpt2
cp "$SRCTREE"/tests/data/tokenizer/small.json model/tokenizer.json
# An experiment of its name, small enough to run; data for all that name these.
mkdir -p defconfigs/experiments runs
cp -r "$SRCTREE/defconfigs/experiments/null-and-planted" defconfigs/experiments/
grep -v -e '^CONFIG_MODEL' -e '^CONFIG_TRAIN' \
	"$SRCTREE/defconfigs/experiments/null-and-planted/defconfig" | cat - ../small.config \
	>defconfigs/experiments/null-and-planted/defconfig
cp shakespeare.txt runs/linux-doc.txt
# Questions, short enough for a model that sees 32 bytes.
for i in 0 1 2 3; do
	printf 'It is\n%d\nred\ngreen\nblue\ngrey\n' $i >>hellaswag.txt
	printf '{"query":"%s?","choices":["yes","no"],"gold":%d}\n' $i $((i / 2)) >>piqa.jsonl
	printf '{"query":"Question: %s?","choices":["a","b","c","d"],"gold":%d}\n' $i $i >>arc.jsonl
	printf '{"query":"%s is","choices":["a","b","c","d"],"gold":%d}\n' $i $i >>openbookqa.jsonl
	printf '{"context_options":["I","You"],"continuation":"am %d","gold":0}\n' $i >>winogrande.jsonl
	printf '{"text":"the cat %d sat"}\n' $i >>lambada.jsonl
done
first='knlp-data-prepare knlp-train'
for page in $first $(cd "$SRCTREE/Documentation" && ls knlp*.md | sed 's/\.md$//'); do
	case " $seen " in *" $page "*) continue ;; esac
	seen="$seen $page"
	run_all "$SRCTREE/Documentation/$page.md" EXAMPLES
done
run_all "$SRCTREE/Documentation/optimizers.md" Groups
run_all "$SRCTREE/Documentation/optimizers.md" "Three optimizers compared"
cd ..

# The tour begins in the top folder of the sources.
mkdir tour
cd tour || exit 1
ln -s "$SRCTREE/core" core
ln -s ../bin/knlp knlp
run_all "$SRCTREE/README.md" "Five minutes"
