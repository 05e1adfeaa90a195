# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# scripts/corpus/books: token shards out of a folder of texts.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs 'data prepare' 'data tokenizer' 'data info'
books() { "$SRCTREE/scripts/corpus/books" -n 300 "$@"; }

# same NAME DIR: all files are those of ./hand/data
same()
{
	equal "$1" "$(cd "$2" && cksum -- * 2>&1)" "$(cd hand/data && cksum -- *)"
}

# ---- plain texts, one of them held out ---------------------------------------------

mkdir -p plain/more hand
cat "$SRCTREE"/Documentation/[a-e]*.md >"plain/a book.txt"
{ cat "$SRCTREE"/README.md; printf '\n<|endoftext|>\n'; cat "$SRCTREE"/Documentation/p*.md; } \
	>plain/two.txt
cat "$SRCTREE"/Documentation/design/*.md >plain/more/my-val.txt
echo 'not a text of the corpus' >plain/note.md
succeeds "plain texts" books plain data/books
has "three books to train on" '^train  *3 ' out
has "one is held out" '^val  *1 ' out
equal "nothing else is left" "$(echo data/*)" data/books

# The same by hand.
{
	cat "plain/a book.txt"; printf '\n<|endoftext|>\n'
	cat plain/two.txt; printf '\n<|endoftext|>\n'
} >hand/train.txt
{ cat plain/more/my-val.txt; printf '\n<|endoftext|>\n'; } >hand/val.txt
(cd hand && "$KNLP" data tokenizer -q -i train.txt -n 300 -o t.json &&
	"$KNLP" data prepare -q -i train.txt --val val.txt -t t.json -o data) >by-hand 2>&1
same "the same bytes by hand" data/books

# ---- compressed, marks and all -----------------------------------------------------

if command -v xz >/dev/null; then
	mkdir packed
	cp hand/train.txt packed/books-train.txt && cp hand/val.txt packed/books-val.txt
	xz packed/*.txt
	echo 'a text of something else' >packed/other.txt
	succeeds "compressed texts, chosen by a pattern" books -p 'books-*' packed data/packed
	same "the same bytes" data/packed
	head -c 1000 packed/books-train.txt.xz >packed/books-torn.txt.xz
	fails "a torn file" 1 'books-torn.txt.xz: cannot be unpacked' books packed data/torn
else
	skip "compressed texts" "no xz"
fi

# ---- nothing held out by name, and what is refused ---------------------------------

mkdir few empty
nr=0
while [ $nr -lt 20 ]; do
	nr=$((nr + 1))
	{ echo "Book $nr."; cat "$SRCTREE/README.md"; } >few/$nr.txt
done
succeeds "no text is called val" books few data/few
has "some are held out" '^val  *[1-9]' out
fails "it is there already" 1 'data/few is there already' books few data/few
fails "no such folder" 1 'nowhere: no such folder' books nowhere data/none
fails "no text" 1 'empty: no text' books empty data/none
: >empty/empty.txt
fails "an empty text" 1 'empty.txt is empty' books empty data/none
mv empty/empty.txt empty/val.txt && echo 'Some text.' >empty/val.txt
fails "nothing to train on" 1 'none is to train on' books empty data/none
fails "no program" 1 'no such program' env KNLP=./nothing "$SRCTREE/scripts/corpus/books" few data/none
fails "no folder named" 2 usage books
equal "nothing is left of them" "$(find data -name 'none*' -o -name 'torn*')" ""
