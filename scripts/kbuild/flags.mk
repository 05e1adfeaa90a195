# SPDX-License-Identifier: MIT
#
# Compiler and linker flags for the whole tree.  Never -ffast-math: it would
# let the compiler reorder sums, and equal runs would no longer be equal.

# Sources say "base/fail.h", "tools/command.h" or "arch/cpu/gemm.h".  kconfig.h
# brings the CONFIG_ symbols into every source without an #include.
KNLP_CPPFLAGS := -I$(srctree)/core -I$(srctree) -Iinclude/generated \
	-include $(srctree)/core/base/kconfig.h

optimize-$(CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE)    := -O2
optimize-$(CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE_O3) := -O3
# -Oz is new in gcc 12.
optimize-$(CONFIG_CC_OPTIMIZE_FOR_SIZE)           := \
	$(if $(CONFIG_CC_OPTIMIZE_FOR_SIZE),$(shell echo | $(CC) -Oz -E - >/dev/null 2>&1 && \
						    echo -Oz || echo -Os))
optimize-$(CONFIG_CC_OPTIMIZE_FOR_DEBUGGING)      := -O0

# LTO=1 and LTO=0 on the command line count more than the configuration.
lto := $(filter-out n 0,$(or $(LTO),$(CONFIG_LTO)))
ifneq ($(and $(filter-out n 0,$(LTO)),$(filter y,$(KNLP_CC_IS_CLANG))),)
$(error LTO=1 needs gcc: the linker of clang's loses the tables of registered objects)
endif

# What C and C++ have in common.
#
# -fno-strict-aliasing: file readers and mixed-precision code look at the same
#   bytes through several types; a wrong guess of the compiler costs days.
# -ffunction-sections, --gc-sections: unused functions leave the program.
# -fmacro-prefix-map: __FILE__ names files from the top of the tree, so that messages
#   and programs are the same wherever they were built.
common-flags := $(optimize-y) $(if $(CONFIG_DEBUG_INFO),-g) -pthread \
	-fno-strict-aliasing -ffunction-sections -fdata-sections \
	-fmacro-prefix-map=$(srctree)/= \
	$(if $(CONFIG_CC_OPTIMIZE_FOR_SIZE),-fno-asynchronous-unwind-tables -fno-unwind-tables)

# Parameters may be unused: functions behind one pointer type share a signature.
# Members may be left out of an initializer: they are zero.
common-warnings := -Wall -Wextra -Werror -Wno-unused-parameter \
	-Wno-missing-field-initializers \
	-Wshadow -Wpointer-arith -Wvla
c-warnings := -Wmissing-prototypes -Wstrict-prototypes

# gcc's guesses.  What a name is cut to, it cannot know (W=1 lets it guess).  Whether
# a variable is set, it knows best at -O2, where false alarms are rare.
ifneq ($(KNLP_CC_IS_CLANG),y)
c-warnings += $(if $(W),,-Wno-format-truncation)
ifneq ($(optimize-y)$(lto)$(SAN),-O2)
c-warnings += -Wno-maybe-uninitialized
endif
endif

# W=1: worth a look, not worth an error.
ifneq ($(W),)
more-warnings := cast-qual undef unused-macros redundant-decls \
	missing-declarations unused-const-variable write-strings
c-warnings += $(more-warnings:%=-W%) $(more-warnings:%=-Wno-error=%) \
	-Wformat=2 -Wno-error=format-nonliteral -Wno-error=format-security \
	$(if $(filter n,$(KNLP_CC_IS_CLANG)),-Wno-error=format-truncation)
endif

# Sanitizers stop at the first finding, so that a test sees it in the exit code.
ifneq ($(SAN),)
common-flags += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

# For `make fuzz`: the branches that an input takes are counted.  Kernels read no files, and
# take long to compile that way.
ifneq ($(FUZZ),)
san-flags  := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
fuzz-flags  = $(if $(filter arch/% core/ops/% core/block/% tests/ops/%,$@),-O1 \
	-Wno-pass-failed,-fsanitize=fuzzer-no-link $(san-flags))
FUZZ_LDFLAGS := -fsanitize=fuzzer $(san-flags)
endif

ifneq ($(lto),)
common-flags += -flto=auto
endif

# _GNU_SOURCE is defined as nothing, so that a source may define it again.
KNLP_CFLAGS := -std=gnu11 -D_GNU_SOURCE= $(common-flags) $(common-warnings) $(c-warnings)

# CUDA sources as C++ for the host: no run-time library, since cc links.
KNLP_CXXFLAGS := -std=gnu++20 -fno-exceptions -fno-rtti -fno-threadsafe-statics \
	$(common-flags) $(common-warnings)
KNLP_NVCCFLAGS := -std=c++17 -O3 -lineinfo -Xcompiler -fno-exceptions \
	$(if $(CONFIG_CUDA_ARCH),-arch=$(call unquote,$(CONFIG_CUDA_ARCH)))

KNLP_LDFLAGS := -Wl,--gc-sections -Wl,--as-needed

# Small: at a fixed address no table needs relocations, sections share pages, and what needs
# more alignment comes first; `knlp version` says what the program is, without a build id;
# nothing unwinds the stack.
ifneq ($(CONFIG_CC_OPTIMIZE_FOR_SIZE),)
KNLP_CFLAGS  += -fno-pie
KNLP_LDFLAGS += -no-pie -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,-z,common-page-size=64 \
	-Wl,--sort-section=alignment -Wl,--build-id=none -Wl,--no-eh-frame-hdr
endif
KNLP_LDLIBS  := -lm

# Modules call functions of the program.
ifneq ($(CONFIG_MODULES),)
KNLP_LDFLAGS += -rdynamic
KNLP_LDLIBS  += -ldl
endif
