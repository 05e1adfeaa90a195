# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Speed of every kernel as a share of what the machine can do at the moment, against
# the shares on record (tests/bench/ops.ratios).
#
# BENCH_RECORD=FILE writes a new record there instead of comparing.  A kernel that is not on
# record is only shown.
. "$SRCTREE/tests/lib.sh"

LEAST=60	# per cent of the share on record: below that it is a regression

# The best of three tables: other work on the machine only ever makes things slower.
for turn in 1 2 3; do
	"$KNLP_TEST" -b >"table$turn" 2>err || not_ok "benchmark" "$(brief err)"
done
cat table1 table2 table3 | awk '
	/^#/ { next }
	{ key = $1 " " $2; if ($NF > best[key]) best[key] = $NF }
	END { for (key in best) printf "%s %.1f\n", key, best[key] }' | sort >now
grep -h '^#' table1
echo "# load: $(cut -d ' ' -f 1-3 /proc/loadavg)"

if [ -n "$BENCH_RECORD" ]; then
	{
		echo "# op, kernel, % of the best that the machine could do; made by tests/bench/ops.sh"
		cat now
	} >"$BENCH_RECORD"
	ok "recorded in $BENCH_RECORD"
	exit 0
fi
grep -v '^#' "$SRCTREE/tests/bench/ops.ratios" >record
awk -v least="$LEAST" '
	NR == FNR { now[$1 " " $2] = $3; next }
	{ key = $1 " " $2
	  if (!(key in now))
		print "not ok " key ": on record, but it was not measured"
	  else if (now[key] < $3 * least / 100)
		printf "not ok %s: %s %% of the best, on record are %s %%\n", key, now[key], $3
	  else
		printf "ok %s %s %% (%s)\n", key, now[key], $3
	  delete now[key] }
	END { for (key in now) printf "ok %s %s %% # skip not on record yet\n", key, now[key] }' now record
