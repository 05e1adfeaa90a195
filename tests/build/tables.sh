# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Nothing that registers itself in an object of Kbuild's list is lost on the way into
# the program, and the program notices at start if something is.
. "$SRCTREE/tests/lib.sh"

# entries TABLE: entries in the objects that were linked.
entries()
{
	tr ' ' '\n' <"$OBJTREE/.knlp.cmd" | grep '^[a-z/]*/[A-Za-z0-9_.-]*\.o$' | sort -u |
		(cd "$OBJTREE" && xargs nm 2>/dev/null) | grep -c "$1_entry_"
}

"$KNLP" ops --json >ops.json 2>err || not_ok "knlp ops" "$(brief err)"
equal "ops" "$(grep -o '"differentiable"' ops.json | wc -l)" "$(entries knlp_ops)"
equal "kernels" "$(grep -o '"rank"' ops.json | wc -l)" "$(entries knlp_kernels)"
"$KNLP" >overview
equal "commands" "$(grep -c '^  [a-z]* *[a-z]*  ' overview)" "$(entries knlp_commands)"
"$KNLP_TEST" -l >tests
equal "ops are many" "$([ "$(entries knlp_ops)" -gt 40 ] && echo yes)" yes

# An object whose entry the linker dropped: a kernel, an op.
clone_objtree obj
plant()
{
	objcopy --rename-section "$2=lost_$2" "obj/$1" planted.o && cp planted.o "obj/$1"
	(cd obj && rm -f knlp && eval "$(sed -n 's/^saved_knlp := //p' .knlp.cmd |
		sed 's/\$(pound)/#/g; s/\$\$/$/g')") >out 2>err
}
cp obj/arch/cpu/gelu.o kept.o
plant arch/cpu/gelu.o knlp_kernels
fails "a lost kernel is noticed at start" 1 "op 'gelu' has no plain kernel" obj/knlp version
cp kept.o obj/arch/cpu/gelu.o
plant core/ops/silu.o knlp_ops
fails "a lost op is noticed at start" 1 "op 'silu', which does not exist\|'silu_grad'" obj/knlp version
