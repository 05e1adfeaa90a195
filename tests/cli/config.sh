# SPDX-License-Identifier: MIT
# knlp config, and how configurations are read.
. "$SRCTREE/tests/lib.sh"

if ! "$KNLP" | grep -q '^  config  '; then
	skip config "built without CONFIG_CMD_CONFIG"
	exit 0
fi

hash_of() { "$KNLP" config --hash "$@"; }

succeeds plain "$KNLP" config
has plain-int '^CONFIG_MODEL_LAYERS=[0-9]' out
has plain-string '^CONFIG_MODEL_FAMILY="' out
has plain-bool 'CONFIG_MODEL_QK_NORM' out
cp out all.config

# What it prints can be read again, and means the same.
succeeds round-trip "$KNLP" config --config=all.config
equal round-trip-same "$(cat out)" "$(cat all.config)"

hash_of >out
has hash-form '^[0-9a-f]\{32\}$' out
equal hash-canonical "$(hash_of --set=TRAIN_LR=3e-4)" "$(hash_of --set=TRAIN_LR=0.0003)"
equal hash-tokens "$(hash_of --set=TRAIN_TOKENS=1.5M)" "$(hash_of --set=TRAIN_TOKENS=1500000)"
equal hash-local "$(hash_of --threads=1)" "$(hash_of --threads=3)"
equal hash-local-set "$(hash_of --set=RUN_VERBOSITY=quiet)" "$(hash_of)"
one=$(hash_of --set=TRAIN_SEED=11)
two=$(hash_of --set=TRAIN_SEED=12)
if [ "$one" = "$two" ]; then
	not_ok hash-differs "two seeds, one hash"
else
	ok hash-differs
fi

# --set counts more than --config, and later more than earlier.
echo 'CONFIG_MODEL_LAYERS=3' >three
echo 'CONFIG_MODEL_LAYERS=5' >five
succeeds precedence "$KNLP" config --set=MODEL_LAYERS=7 --config=three
has precedence-set '^CONFIG_MODEL_LAYERS=7$' out
succeeds files "$KNLP" config --config=three -c five
has files-last '^CONFIG_MODEL_LAYERS=5$' out
succeeds prefix "$KNLP" config --set=CONFIG_MODEL_LAYERS=9
has prefix-set '^CONFIG_MODEL_LAYERS=9$' out

fails unknown 2 'unknown parameter TRAIN_LRR: did you mean TRAIN_LR?' \
	"$KNLP" config --set=TRAIN_LRR=1
fails out-of-range 2 'MODEL_LAYERS: 0 is out of range: int 1\.\.' \
	"$KNLP" config --set=MODEL_LAYERS=0
fails wrong-type 2 "MODEL_LAYERS: 'many' is not of type int" \
	"$KNLP" config --set=MODEL_LAYERS=many
fails wrong-choice 2 "'lama' must be gpt2, .* or .*: did you mean 'llama'" \
	"$KNLP" config --set=MODEL_FAMILY=lama
fails empty-value 2 'TRAIN_LR: the value is empty' "$KNLP" config --set=TRAIN_LR=
equal hash-yes "$(hash_of --set=DATA_DOC_MASK=yes --set=MODEL_TIED=y)" \
	"$(hash_of --set=DATA_DOC_MASK=y --set=MODEL_TIED=yes)"
equal hash-exponent "$(hash_of --set=TRAIN_TOKENS=2e6)" "$(hash_of --set=TRAIN_TOKENS=2000000)"
fails feature-set 2 'feature of the build' "$KNLP" config --set=DEBUG_INFO=y

printf '# a comment\nCONFIG_TRAIN_LRR="1"\n' >unknown
fails file-unknown 1 'unknown:2: unknown symbol CONFIG_TRAIN_LRR: did you mean CONFIG_TRAIN_LR?' \
	"$KNLP" config --config=unknown
echo 'CONFIG_TRAIN_LR=3e-4' >unquoted
succeeds file-unquoted "$KNLP" config --config=unquoted
has file-unquoted-value '^CONFIG_TRAIN_LR="0.0003"$' out
echo 'TRAIN_LR=5e-4' >bare
succeeds file-bare "$KNLP" config --config=bare
has file-bare-value '^CONFIG_TRAIN_LR="0.0005"$' out
printf 'A=1\nTRAIN_LR=1\nB=2\n' >wrong
fails file-all-wrong 1 'wrong:1: .*CONFIG_A.* (also wrong: line 3)' "$KNLP" config --config=wrong
echo 'CONFIG_MODEL_LAYERS=100000' >range
fails file-range 1 'range:1: MODEL_LAYERS: 100000 is out of range' "$KNLP" config --config=range
fails file-missing 1 'nowhere: No such file' "$KNLP" config --config=nowhere
printf 'CONFIG_A\0B=y\n' >nul
fails file-nul 1 'NUL bytes' "$KNLP" config --config=nul

# A feature that the binary lacks is refused by name.
off=$(sed -n 's/^# \(CONFIG_.*\) is not set$/\1/p' all.config | tail -n 1)
echo "$off=y" >lacking
fails feature-lacking 1 "lacking:1: asks for feature $off, which this binary was built without" \
	"$KNLP" config --config=lacking
echo 'CONFIG_NO_SUCH_FEATURE_AT_ALL=y' >nothing
fails feature-unknown 1 'unknown symbol CONFIG_NO_SUCH_FEATURE_AT_ALL' \
	"$KNLP" config --config=nothing

# The config of a run folder: as it is stored, or as a base for more.
mkdir run
sed 's/^CONFIG_MODEL_LAYERS=.*/CONFIG_MODEL_LAYERS=17/' all.config >run/config
succeeds stored "$KNLP" config run
equal stored-same "$(cat out)" "$(cat run/config)"
equal stored-hash "$(hash_of run)" "$(hash_of --set=MODEL_LAYERS=17)"
fails stored-missing 1 'none: no such run' "$KNLP" config none
fails stored-parameter 2 'say --help-for=MODEL_LAYERS' "$KNLP" config MODEL_LAYERS
fails stored-file 2 'say --config=run/config' "$KNLP" config run/config
fails stored-other 1 "not a run: it holds no file 'config'" "$KNLP" config .

succeeds explain "$KNLP" config --help-for=TRAIN_LR
has explain-type '^type: *float' out
fails explain-unknown 2 'did you mean TRAIN_LR' "$KNLP" config --help-for=TRAIN_LRR

if grep -q '^CONFIG_JSON=y' all.config; then
	succeeds json "$KNLP" config --json --set=TRAIN_LR=3e-4
	equal json-features "$(sed 's/.*"features"://' out)" \
		"$("$KNLP" version --json | sed 's/.*"features"://')"
	has json-value '^{.*"TRAIN_LR":0.0003[,}].*}$' out
else
	fails json-refused 1 'built without CONFIG_JSON' "$KNLP" config --json
fi
