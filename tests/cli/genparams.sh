# SPDX-License-Identifier: MIT
# scripts/kconfig/genparams: what it refuses, and what must not change its output.
. "$SRCTREE/tests/lib.sh"

genparams=$OBJTREE/scripts/kconfig/genparams
if [ ! -x "$genparams" ]; then
	skip genparams "not built here"
	exit 0
fi

# entry NAME KIND DEFAULT TYPE [LINE]: a file with one parameter
entry()
{
	printf 'config %s\n\t%s "Prompt"\n\tdefault %s\n' "$1" "$2" "$3"
	[ -z "$5" ] || printf '\t%s\n' "$5"
	printf '\thelp\n\t  What it does,\n\t  in two lines.\n\n'
	[ -z "$4" ] || printf '\t  Type: %s\n' "$4"
}

# accepts NAME KIND DEFAULT TYPE [LINE], refuses NAME TEXT KIND DEFAULT TYPE [LINE]
accepts() { entry T_X "$2" "$3" "$4" "$5" >K; succeeds "$1" "$genparams" table K; }
refuses() { entry T_X "$3" "$4" "$5" "$6" >K; fails "$1" 1 "$2" "$genparams" table K; }

accepts int int 5 'int 1..10' 'range 1 10'
accepts int-auto string '"auto"' 'int 1..10 or auto'
accepts float string '"1e-3"' 'float 0..1'
accepts choice string '"b"' 'one of a b'
accepts list string '"a*2,b"' 'per-layer list of a b'
accepts tokens string '"1.5M"' tokens
accepts local string '""' 'local string'
accepts bool bool n bool
has from-help 'What it does,\\n' out

refuses no-type 'K:1: T_X: the last line of the help' int 5 '' 'range 1 10'
refuses unknown-type "unknown type 'complex'" string '"1"' complex
refuses wrong-kind 'must be a Kconfig string, not int' int 5 'float 0..9'
refuses range-differs 'must agree' int 5 'int 1..10' 'range 1 11'
refuses range-missing 'must agree' int 5 'int 1..10'
refuses default-range 'K:1: the default does not fit: T_X: 11 is out of range' \
	int 11 'int 1..10' 'range 1 10'
refuses default-type "the default does not fit" string '"x"' 'float 0..1'
refuses default-choice "the default does not fit" string '"c"' 'one of a b'
refuses bad-range 'a range such as' string '"1"' 'float'
refuses empty-range 'the range is empty' string '"1"' 'float 2..1'
refuses from-nothing "there is no such parameter" string '"1"' 'float 0..1 from T_START'
# start LAST [ARG...]: T_X from T_START, whose type ends so too if LAST says it
start()
{
	entry T_START int 5 "int 0..10$1" 'range 0 10' >K
	entry T_X string '"1"' 'float 0..1 from T_START' >>K
}
start ' from T_START'
succeeds from "$genparams" table K
equal from-table "$(grep -c '\.from = "T_START"' out)" 2
start ''
fails from-at-once 1 "T_START: others are 'from T_START'" "$genparams" table K
{ entry T_Y bool n bool; entry T_X string '"1"' 'float 0..1 from T_Y'; } >K
fails from-bool 1 "'from T_Y': that is no number of steps" "$genparams" table K
accepts from-end string '"1"' 'float 0..1 from end'
has from-end-table '\.from = "end"' out
refuses depends "K:4: 'depends' is not allowed" int 5 'int 1..10' 'depends on T_Y'
refuses conditional "K:3: unexpected 'if'" string '"1" if T_Y' 'float 0..1'

printf 'choice\n\tprompt "x"\nendchoice\n' >K
fails choice 1 "K:1: 'choice' is not allowed" "$genparams" ids K
printf 'config T_X\n\tint "x"\n\trange 1 2\n\tdefault 1\n' >K
fails no-help 1 'K:1: T_X: a help text is missing' "$genparams" ids K
{ entry T_X bool n bool; entry T_X bool n bool; } >K
fails duplicate 1 'K:9: T_X was already declared at K:1' "$genparams" ids K
entry LAYERS bool n bool >K
fails no-subsystem 1 'with its subsystem first' "$genparams" ids K
fails missing 1 'nowhere: No such file' "$genparams" ids nowhere
fails usage 2 'usage:' "$genparams"

# embed: comments make no difference, values do.
{ entry T_X string '"1e-3"' 'float 0..1'; entry T_Y bool y bool; } >K
printf '# one comment\nCONFIG_T_X="3e-4"\nCONFIG_FEATURE=y\n# CONFIG_OTHER is not set\n' >a
printf 'CONFIG_FEATURE=y\n\n# CONFIG_OTHER is not set\nCONFIG_T_X="0.0003"\n# end\n' >b
succeeds embed "$genparams" embed a K
cp out embedded
has embed-value '= "0.0003",' embedded
has embed-default 'PARAM_T_Y. = "y",' embedded
has embed-feature '"CONFIG_FEATURE=y",' embedded
has embed-unset '"# CONFIG_OTHER is not set",' embedded
succeeds embed-again "$genparams" embed b K
equal embed-same "$(cat out)" "$(cat embedded)"
echo 'CONFIG_T_X="7"' >c
fails embed-range 1 'c:1: T_X: 7 is out of range' "$genparams" embed c K
echo 'CONFIG_T_X=1' >c
fails embed-quotes 1 'c:1: T_X: the value needs quotes' "$genparams" embed c K
