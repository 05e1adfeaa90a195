# SPDX-License-Identifier: MIT
# knlp quantize: importance matrices that do not fit, a full disk, a process that is killed.
. "$SRCTREE/tests/lib.sh"
needs quantize convert

# ---- GGUF files by hand --------------------------------------------------------------

# le BYTES NUMBER: little endian
le()
{
	_bytes=$1 _number=$2
	while [ "$_bytes" -gt 0 ]; do
		printf "\\$(printf %03o $((_number & 255)))"
		_number=$((_number >> 8)) _bytes=$((_bytes - 1))
	done
}

text() { le 8 ${#1}; printf %s "$1"; }

# f32 tensor NAME OFFSET DIMENSION...
tensor()
{
	text "$1"
	_offset=$2
	shift 2
	le 4 $#
	for _dim; do le 8 "$_dim"; done
	le 4 0
	le 8 "$_offset"
}

# pad FILE: to whole 32 bytes
pad()
{
	_size=$(wc -c <"$1")
	truncate -s $(((_size + 31) / 32 * 32)) "$1"
}

# imatrix NAME ROW: sums that are 0, count 1
imatrix()
{
	{
		printf GGUF; le 4 3; le 8 2; le 8 0
		tensor "$1.in_sum2" 0 "$2"
		tensor "$1.counts" $((($2 * 4 + 31) / 32 * 32)) 1 1
	} >made
	pad made
	truncate -s $(($(wc -c <made) + ($2 * 4 + 31) / 32 * 32)) made
	{ le 4 1065353216; le 4 0; le 8 0; le 8 0; le 8 0; } >>made
	mv made "$3"
}

"$KNLP" convert -q "$SRCTREE/tests/data/formats/llama" llama.gguf --type=f32 || exit 1

# ---- importance matrices -------------------------------------------------------------

imatrix blk.0.attn_q.weight 16 fits.gguf
succeeds "one that fits" "$KNLP" quantize llama.gguf fits-out.gguf --mix=q8_0 --imatrix=fits.gguf
imatrix blk.7.attn_q.weight 16 other.gguf
fails "of more layers" 1 "other.gguf is of another model: .* no tensor 'blk.7.attn_q.weight'" \
	"$KNLP" quantize llama.gguf x.gguf --imatrix=other.gguf
equal "in one line" "$(wc -l <err)" 1
imatrix blk.0.attn_q.weight 32 wide.gguf
fails "of wider rows" 1 "wide.gguf is of another model: 'blk.0.attn_q.weight' has rows of 32" \
	"$KNLP" quantize llama.gguf x.gguf --imatrix=wide.gguf
equal "in one line as well" "$(wc -l <err)" 1
size=$(wc -c <fits.gguf)
for left in 3 20 40 100 $((size - 40)); do
	head -c "$left" fits.gguf >cut.gguf
	fails "cut after $left bytes" 1 'cut.gguf' \
		"$KNLP" quantize llama.gguf x.gguf --imatrix=cut.gguf
	equal "$left: in one line" "$(wc -l <err)" 1
done

# ---- cut short -----------------------------------------------------------------------

# 64 million weights that take no place on the disk
{
	printf GGUF; le 4 3; le 8 1; le 8 7
	text general.architecture
	le 4 8
	text llama
	for key in block_count=1 attention.head_count=1 attention.head_count_kv=1 \
		embedding_length=1024 feed_forward_length=1024 context_length=64; do
		text "llama.${key%=*}"; le 4 4; le 4 "${key#*=}"
	done
	tensor token_embd.weight 0 1024 65536
} >large.gguf
pad large.gguf
truncate -s $(($(wc -c <large.gguf) + 1024 * 65536 * 4)) large.gguf

# left NAME FILE: nothing under that name
left()
{
	if [ -e "$2" ]; then not_ok "$1" "$2 is there"; else ok "$1"; fi
}

(ulimit -f 2000 && exec "$KNLP" quantize large.gguf full.gguf) >out 2>err
equal "full disk: exit code" $? 1
has "full disk: says why" 'full.gguf.*too large' err
equal "full disk: in one line" "$(grep -c "full.gguf" err)" 1
equal "full disk: nothing is left" "$(ls full.gguf* 2>/dev/null)" ""

# SIGKILL after its first bytes, long before its last; what is beside OUT is no model of that name.
"$KNLP" quantize -q large.gguf killed.gguf --mix=q3_k_m --threads=1 >out 2>err &
pid=$!
while [ -z "$(find . -name '*killed.gguf*' -size +100k)" ] && kill -0 $pid 2>/dev/null; do :; done
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
if [ $? -eq 137 ]; then
	left "killed: no OUT" killed.gguf
	succeeds "killed: again" "$KNLP" quantize -q large.gguf killed.gguf --mix=q8_0
else
	ok "killed: it was faster"
fi
left "refused: nothing is left" x.gguf
