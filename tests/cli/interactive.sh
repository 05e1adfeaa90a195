# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# knlp generate --interactive, through a pipe and on a terminal.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train generate 'data prepare'
prepare_text
tiny base >out 2>err || { not_ok "train" "$(brief err)"; exit 0; }

talk() { "$KNLP" generate --interactive "$@" base; }
# greedy PROMPT: what follows it
greedy() { "$KNLP" generate -n 5 --temperature 0 --prompt "$1" base | tail -c +$((${#1} + 1)); }

# Two turns are one text: the second one sees the first.
one=$(greedy 'The ke')
two=$(greedy "The ke$one
of a")
equal "turns are one text" "$(printf 'The ke\nof a\n' | talk -n 5 --temperature 0 2>err)" "$one
$two"
equal "an empty line goes on" "$(printf 'The ke\n\n' | talk -n 5 --temperature 0 2>err |
	tr -d '\n')" "$("$KNLP" generate -n 10 --temperature 0 --prompt 'The ke' base |
	tail -c +7 | tr -d '\n')"
equal "/reset forgets" "$(printf 'x\n/reset\nThe ke\n' | talk -n 5 --temperature 0 2>err |
	tail -n +2)" "$(printf 'The ke\n' | talk -n 5 --temperature 0 2>err)"
equal "the prompt is the first line" "$(printf '' | talk -n 5 -p 'The ke' 2>err)" \
	"$(printf 'The ke\n' | talk -n 5 2>err)"
equal "the same again" "$(printf 'a\nb\nc\n' | talk -n 9 --threads 2 2>err)" \
	"$(printf 'a\nb\nc\n' | talk -n 9 2>err)"
equal "/seed is --seed" "$(printf '/seed 5\na\n' | talk -n 20 2>err)" \
	"$(printf 'a\n' | talk -n 20 --seed 5 2>err)"
if [ "$(printf '/seed 5\na\n' | talk -n 20 2>err)" = \
		"$(printf '/seed 6\na\n' | talk -n 20 2>err)" ]; then
	not_ok "/seed changes the text" "seeds 5 and 6 write the same"
else
	ok "/seed changes the text"
fi
equal "/temperature is --temperature" "$(printf '/temperature 0.5\na\n' | talk -n 20 2>err)" \
	"$(printf 'a\n' | talk -n 20 --temperature 0.5 2>err)"
equal "/top-k is --top-k" "$(printf '/top-k 3\na\n' | talk -n 20 2>err)" \
	"$(printf 'a\n' | talk -n 20 --top-k 3 2>err)"
equal "/top-p is --top-p" "$(printf '/top-p 0.5\na\n' | talk -n 20 2>err)" \
	"$(printf 'a\n' | talk -n 20 --top-p 0.5 2>err)"
equal "/min-p is --min-p" "$(printf '/min-p 0.2\na\n' | talk -n 20 2>err)" \
	"$(printf 'a\n' | talk -n 20 --min-p 0.2 2>err)"
equal "the first of all is the most probable" "$(printf '/top-k 1\nThe ke\n' | talk -n 5 2>err)" \
	"$one"
equal "a line with a slash" "$(printf '//usr\n' | talk -n 9 2>err)" \
	"$(talk -n 9 -p /usr 2>err </dev/null)"

printf '/seed x\n/top-p 0\n/min-p 2\n/top-k -1\n/temperature hot\n/temperature 1e9\n/seed\n/quit now\n/what\n\0\n' |
	talk -n 3 >out 2>err
equal "bad commands do not end it" $? 0
equal "and are said" "$(grep -c warning err)" 9
has "by name" "'/what' is no command" err
printf 'a\n/quit\nb\n' | talk -n 3 --temperature 0 >out 2>err
equal "/quit leaves" "$(cat out)" "$(printf 'a\n' | talk -n 3 --temperature 0 2>err)"
# The most probable token, never the end of a document: draws differ between processors.
printf 'a line\n' | talk -n 100 --temperature 0 >out 2>err
has "a full context is said" 'the context is full: the model has forgotten [0-9]* tokens of the beginning' err
printf 'a\n\n\n' | talk -n 2000 --temperature 3 >out 2>err
has "the end of a document is said" 'the model ended the document: a line begins another' err
printf 'a\n\n\n' | talk -q -n 2000 --temperature 3 >out 2>err
equal "but not with -q" "$(cat err)" ""
head -c 3000 text | tr '\n' ' ' | talk -n 3 >out 2>err
equal "a line longer than the context" $? 0
fails "--json" 2 '--interactive and --json' talk --json

if command -v python3 >/dev/null; then
	# Hot draws are bytes of any kind: what is printed is UTF-8 at any time.
	succeeds "prints UTF-8 in every part" python3 - "$KNLP" <<'END'
import os, subprocess, sys
p = subprocess.Popen([sys.argv[1], "generate", "-i", "-n", "500", "--temperature", "9", "base"],
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
p.stdin.write(b"a\n" + 60 * b"\n")
p.stdin.close()
n = 0
while part := os.read(p.stdout.fileno(), 1 << 16):
    n += len(part.decode("utf-8"))
sys.exit(p.wait() or n < 1000)
END
	# A terminal on which the model writes until an interrupt was sent.
	cat >talk.py <<'END'
import os, pty, select, sys, time
pid, fd = pty.fork()
if not pid:
    os.execv(sys.argv[1], [sys.argv[1], "generate", "-i", "-n", "1000000",
                           "--temperature", "0", "base"])
seen = b""

def wait_for(text, more=0):
    global seen
    end = time.time() + 60
    while text not in seen or len(seen) < more:
        assert select.select([fd], [], [], end - time.time())[0], seen[-200:]
        seen += os.read(fd, 1 << 16)
    seen = seen[seen.index(text) + len(text):]

def rest():
    global seen
    try:
        while more := os.read(fd, 1 << 16):
            seen += more
    except OSError:
        pass
    return seen

def leave():
    rest()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

wait_for(b"> ")
os.write(fd, b"abc\n")
wait_for(b"abc\r\n", 300)       # it writes
os.write(fd, b"\x03")
END
	export PYTHONPATH=. PYTHONDONTWRITEBYTECODE=1
	succeeds "a terminal and Ctrl-C" python3 - "$KNLP" <<'END'
from talk import *
wait_for(b"\n> ")               # and stops
os.write(fd, b"/help\n")
wait_for(b"print this list")
wait_for(b"\n> ")
os.write(fd, b"\x03")           # perhaps meant for a reply that has just ended
wait_for(b"again leaves")
wait_for(b"\n> ")
os.write(fd, b"\x03")
leave()
END
	succeeds "a second Ctrl-C" python3 - "$KNLP" <<'END'
from talk import *
wait_for(b"\n> ")               # has stopped, and nothing was typed
os.write(fd, b"\x03")
assert b"again" not in rest()
leave()
END
else
	skip "a terminal" "no Python"
fi
