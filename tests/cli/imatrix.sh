# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# knlp imatrix: files that knlp quantize takes, the same bits always, refusals.  The numbers are
# compared in tests/unit/test-imatrix.c.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs imatrix quantize convert train 'data prepare' 'fim estimate'
english | head -c 40000 >text
prepare_text text
succeeds trains tiny run
"$KNLP" convert -q run model.gguf --type=f32 || exit 1

# im FILE ARG...: of the run
im()
{
	_file=$1
	shift
	"$KNLP" imatrix -q run --out="$_file" "$@"
}

# ---- activations -------------------------------------------------------------------------

for threads in 1 2 4; do
	succeeds "text, $threads threads" im text-$threads.gguf --file=text --chunks=6 --threads=$threads
done
has 'what was read' '^of  *activations, 192 tokens of 6 sequences$' out
has 'what was written' '^matrices  *8$' out
equal 'bits of 2 threads' "$(cksum <text-2.gguf)" "$(cksum <text-1.gguf)"
equal 'bits of 4 threads' "$(cksum <text-4.gguf)" "$(cksum <text-1.gguf)"
succeeds 'another device' im remote.gguf --file=text --chunks=6 --device=remote
equal 'bits of another device' "$(cksum <remote.gguf)" "$(cksum <text-1.gguf)"
succeeds 'the same of the model in GGUF' "$KNLP" imatrix -q model.gguf --out=other.gguf --file=text \
	--chunks=6
equal 'bits of the other format' "$(cksum <other.gguf)" "$(cksum <text-1.gguf)"
succeeds 'shorter chunks' im short.gguf --file=text --chunks=6 --context=16 --json
has 'JSON' '"file":"short.gguf","of":"inputs","dataset":"text","chunks":6,"chunk_size":16,"tokens":96,"matrices":8,' out
succeeds 'a data folder' im data.gguf --data=data --chunks=6
has 'its training text' '^of  *activations, 192 tokens of 6 sequences$' out

# ---- Fisher information ------------------------------------------------------------------

"$KNLP" fim estimate -q --data data --sequences 8 --unit token --labels sampled --out f.st run >out
"$KNLP" fim estimate -q --data data --sequences 8 --unit kfac --out kfac.st run >out
succeeds 'Fisher information' im fim.gguf --fim=f.st
has 'the embedding, too' '^matrices  *9$' out
has 'what it is of' '^of  *Fisher information, ' out

# ---- back through knlp quantize ------------------------------------------------------------

"$KNLP" quantize -q model.gguf plain-q4.gguf --type=q4_0 || exit 1
for which in text-1 data fim; do
	succeeds "quantizes by $which" "$KNLP" quantize model.gguf $which-q4.gguf --type=q4_0 \
		--imatrix=$which.gguf
	if grep -q 'says nothing of' err; then
		not_ok "$which: of all matrices" "$(brief err)"
	else
		ok "$which: of all matrices"
	fi
	# All matrices of the layers, but not vectors, are other bytes.
	if cmp -s plain-q4.gguf $which-q4.gguf; then
		not_ok "$which: matters" "the same bytes as without"
	else
		ok "$which: matters"
	fi
done
"$KNLP" train -q --data data --run=wide --config tiny.config --set MODEL_WIDTH=64 || exit 1
"$KNLP" convert -q wide wide.gguf --type=f32 || exit 1
fails 'of another model' 1 'is of another model' "$KNLP" quantize wide.gguf x.gguf --type=q4_0 \
	--imatrix=text-1.gguf

# ---- refusals ------------------------------------------------------------------------------

fails 'no out' 2 '--out is missing' "$KNLP" imatrix run --file=text
fails 'nothing to go by' 2 'one of --file, --data and --fim' im x.gguf
fails 'two things' 2 'one of --file, --data and --fim' im x.gguf --file=text --data=data
fails 'chunks of no text' 2 '--chunks is of text' im x.gguf --fim=f.st --chunks=2
fails 'context of no text' 2 '--context is of text' im x.gguf --fim=f.st --context=16
fails 'is there already' 1 'fim.gguf: exists already' im fim.gguf --file=text
fails 'no folder' 1 'none' im none/x.gguf --file=text
fails 'no text' 1 'nosuch' im x.gguf --file=nosuch
head -c 20 text >few
fails 'too short' 1 'fewer than two chunks' im x.gguf --file=few
fails 'too long' 1 'a context of 64: that of run is 32' im x.gguf --file=text --context=64
fails 'too long for a folder' 1 'a context of 64' im x.gguf --data=data --context=64
fails 'no model' 1 'no such run or model' "$KNLP" imatrix nosuch --file=text --out=x.gguf
fails 'of another model, Fisher' 1 'the Fisher information of another model than wide' \
	"$KNLP" imatrix wide --fim=f.st --out=x.gguf
fails 'no diagonal' 1 "kfac.st: has no 'transformer.wte.weight': it is of unit kfac" im x.gguf --fim=kfac.st
fails 'no FIM file' 1 'model.gguf' im x.gguf --fim=model.gguf
if [ -e /dev/full ]; then
	fails 'a device' 1 'is a device or a pipe' im /dev/full --file=text --chunks=2
fi
left=$(find . -name 'x.gguf*')
if [ -n "$left" ]; then not_ok 'nothing is left' "$left"; else ok 'nothing is left'; fi
