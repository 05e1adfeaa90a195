# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# The unit and op tests under the sanitizers, which also look for leaks at the exit.
. "$SRCTREE/tests/lib.sh"

# Instrumented code is slow.
CK_TIMEOUT_MULTIPLIER=10
export CK_TIMEOUT_MULTIPLIER

# The thread sanitizer does not know the address layout of every kernel.
fixed_layout=
setarch -R true 2>/dev/null && fixed_layout='setarch -R'

for san in address,undefined thread; do
	make_in obj defconfig >out 2>err
	if ! make_in obj -j"$(nproc)" SAN=$san tests >out 2>err; then
		not_ok "SAN=$san" "build: $(brief err)"
		continue
	fi
	# shellcheck disable=SC2086
	if $fixed_layout obj/knlp-test >out 2>&1; then
		ok "SAN=$san: knlp-test"
	else
		not_ok "SAN=$san: knlp-test" "$(grep -e SUMMARY -e ':[EF]:' out | head -n 3 | tr '\n' ' ')"
	fi
	# shellcheck disable=SC2086
	succeeds "SAN=$san: knlp version" $fixed_layout obj/knlp version
done
