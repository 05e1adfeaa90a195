# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Built for aarch64, where the kernels are plain C, and run by qemu: the unit and op tests,
# and a training whose loss is compared with that of plain C on this machine.
#
# Needs Debian's gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user-static
# (scripts/install-deps --dev).  The libraries for aarch64 are downloaded into the test's
# folder, by an apt that knows that architecture only; the system is left as it is.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

cross=aarch64-linux-gnu
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64)
for tool in $cross-gcc apt-get dpkg-deb pkg-config; do
	command -v "$tool" >/dev/null || { skip aarch64 "no $tool"; exit 0; }
done
[ -n "$qemu" ] || { skip aarch64 "no qemu-aarch64-static"; exit 0; }
[ -d /usr/$cross/lib ] || { skip aarch64 "no C library for it (libc6-dev-arm64-cross)"; exit 0; }

# ---- libraries ------------------------------------------------------------------------
packages='check libcjson-dev libcjson1 libyaml-dev libyaml-0-2 libpcre2-dev libpcre2-8-0
	libxxhash-dev libxxhash0 libsubunit-dev libsubunit0'
mkdir -p apt/state/lists/partial apt/cache/archives/partial debs root
: >apt/status
foreign()
{
	apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
		-o Dir::State="$PWD/../apt/state" -o Dir::State::status="$PWD/../apt/status" \
		-o Dir::Cache="$PWD/../apt/cache" -o APT::Sandbox::User=root "$@"
}
# shellcheck disable=SC2086 # a list
if ! (cd debs && foreign update && foreign download $packages) >out 2>&1; then
	skip aarch64 "its libraries cannot be downloaded: $(brief out 1)"
	exit 0
fi
for deb in debs/*.deb; do
	dpkg-deb -x "$deb" root
done

# ---- build ----------------------------------------------------------------------------
lib=$PWD/root/usr/lib/$cross
PKG_CONFIG_LIBDIR=$lib/pkgconfig
PKG_CONFIG_SYSROOT_DIR=$PWD/root
export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR

# for_arm GOAL...: -rpath-link is for what the libraries need themselves
for_arm()
{
	make_in obj CC=$cross-gcc EXTRA_CFLAGS="-isystem $PWD/root/usr/include" \
		EXTRA_LDFLAGS="-L$lib -Wl,-rpath-link,$lib" "$@"
}
# emulate PROGRAM ARG...
emulate()
{
	"$qemu" -L /usr/$cross -E LD_LIBRARY_PATH="$lib:/usr/$cross/lib" "$@"
}

succeeds "defconfig" for_arm default_defconfig
succeeds "builds" for_arm -j"$(nproc)" tests
succeeds "runs" emulate obj/knlp version

# ---- tests ----------------------------------------------------------------------------
emulate obj/knlp-test -l >suites
while read -r suite; do
	CK_TIMEOUT_MULTIPLIER=20 emulate obj/knlp-test "$suite" >out 2>err </dev/null &&
		ok "knlp-test $suite" || not_ok "knlp-test $suite" "$(brief out) $(brief err)"
done <suites

# ---- the same training ----------------------------------------------------------------
# Not the same bits: what aarch64 always has, a multiply-add that rounds once, x86-64 has
# not without its newer instructions.
make_in plain default_defconfig >out 2>err
sed -i 's/^CONFIG_CPU_SIMD=y/# CONFIG_CPU_SIMD is not set/; /^CONFIG_CPU_AVX512/d' plain/.config
unset PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
succeeds "plain C on this machine builds" make_in plain -j"$(nproc)"
prepare_text
for name in x86 arm; do
	run="plain/knlp"
	[ $name = arm ] && run="emulate obj/knlp"
	# shellcheck disable=SC2086 # words
	succeeds "a training, $name" $run train -q --data data --run $name --config tiny.config \
		--threads=1 --json
	sed -n 's/.*"train_loss":\([0-9.]*\).*/\1/p' out >$name.loss
done
if awk -v a="$(cat arm.loss)" -v b="$(cat x86.loss)" \
		'BEGIN { exit !(a > 0 && (a / b - 1) ^ 2 < 1e-8) }'; then
	ok "the loss of plain C on $(uname -m), to 1e-4"
else
	not_ok "the loss of plain C on $(uname -m)" "$(cat arm.loss), not $(cat x86.loss)"
fi
