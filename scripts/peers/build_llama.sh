#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds llama.cpp for this processor, from the sources that the sdist of
# llama-cpp-python on PyPI carries, without BLAS and with OpenBLAS:
#
#   build_llama.sh DIR [VERSION]
#
# DIR/llama.cpp is then a link to the sources, with the programs in build/bin
# and build-blas/bin, and DIR/llama.cpp/VERSION tells what they were built of.
# $PYTHON (python3) has pip, $JOBS (2) is passed to the build.
set -eu

if [ $# -lt 1 ]; then
	sed -n '4,12s/^# \{0,1\}//p' "$0" >&2
	exit 2
fi

here=$(cd "$(dirname "$0")" && pwd)
dir=$1
version=${2:-}
python=${PYTHON:-python3}
jobs=${JOBS:-2}
targets="llama-bench llama-completion llama-imatrix llama-perplexity
	llama-quantize llama-tokenize"

mkdir -p "$dir/src"
dir=$(cd "$dir" && pwd)

if [ ! -e "$dir/llama.cpp/CMakeLists.txt" ]; then
	"$python" -m pip download -q --no-deps --no-binary llama-cpp-python \
		-d "$dir/src" "llama-cpp-python${version:+==$version}"
	# shellcheck disable=SC2012 # of names without blanks, the newest
	sdist=$(ls -t "$dir"/src/llama_cpp_python-*.tar.gz | head -n 1)
	tar -C "$dir/src" -xzf "$sdist"
	name=$(basename "$sdist" .tar.gz)
	ln -sfn "src/$name/vendor/llama.cpp" "$dir/llama.cpp"
	# The sdist's .git file names a folder that is not there, which keeps
	# Ninja regenerating.
	rm -f "$dir/llama.cpp/.git"
	# llama-perplexity prints HellaSwag's choices where HELLASWAG_ITEMS is set.
	patch -d "$dir/llama.cpp" -p1 < "$here/llama-hellaswag.patch"
	{
		echo "$name"
		grep -m 1 -o 'ggml-org/llama.cpp@[0-9a-f]*' \
			"$dir/src/$name/CHANGELOG.md" || true
	} > "$dir/llama.cpp/VERSION"
fi

build() {
	out=$1
	blas=$2
	shift 2
	cmake -S "$dir/llama.cpp" -B "$dir/llama.cpp/$out" -G Ninja \
		-DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON \
		-DCMAKE_BUILD_RPATH_USE_ORIGIN=ON \
		-DGGML_NATIVE=ON -DGGML_OPENMP=ON -DGGML_CPU_REPACK=ON \
		-DGGML_BLAS="$blas" -DGGML_BLAS_VENDOR=OpenBLAS \
		-DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_SERVER=OFF \
		-DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_TESTS=OFF \
		-DLLAMA_BUILD_EXAMPLES=OFF
	cmake --build "$dir/llama.cpp/$out" -j "$jobs" --target "$@"
}

# shellcheck disable=SC2086 # a list of words
build build OFF $targets
# BLAS is a library of ggml, found beside the programs: all else is the same.
build build-blas ON ggml
cp -a "$dir"/llama.cpp/build/bin/llama-* "$dir"/llama.cpp/build/bin/libllama* \
	"$dir/llama.cpp/build-blas/bin/"
