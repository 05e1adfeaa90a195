/* SPDX-License-Identifier: MIT */
/*
 * The device seam.
 *
 * An arch is a kind of device: it holds memory and runs kernels.  Nothing outside
 * the arch touches the bytes of a tensor: the host sees them only through
 * device_read() and device_write().  core/ knows an arch by name, never by type.
 *
 * The arch `remote` keeps its memory unreadable (PROT_NONE) except while a kernel
 * runs, so that the whole test suite, run on it, proves that the rule holds.
 */
#ifndef TENSOR_ARCH_H
#define TENSOR_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/registry.h"
#include "base/section.h"

struct device;
struct call;
struct layout;
struct kernel;
struct stream;
struct event;

/**
 * struct device_rates - the most that a device was measured to do, per second.
 * @f32, @bf16: floating-point operations of multiply-adds, with sums in fp32; what the
 *	device does in fp32 after conversion counts as bf16 if it has nothing faster
 * @read, @copy, @triad: bytes of arrays far larger than any cache that a sum, a copy and
 *	a = b + s * c name; what a processor reads only in order to write is not counted
 */
struct device_rates {
	double f32, bf16;
	double read, copy, triad;
};

/**
 * struct buffer - a range of device memory.
 * @address: device address; the host must not follow it
 * @is_mapped: the memory is the host's: it is read only, and outlives the buffer
 */
struct buffer {
	struct device *device;
	void *address;
	size_t bytes;
	bool is_mapped;
};

/**
 * struct arch - what a kind of device can do.  All slots are required but those
 * marked optional.  Work is queued on a stream and done in order; a NULL stream is
 * the device's default one.  Functions return 0 or -errno with a message.
 * @kernels: name of the arch whose kernels it runs ("cpu" for remote)
 * @probe: can such a device be used here? fills device->context. Optional.
 * @is_reference: its kernels of rank 0 are the plain ones that every op must have
 * @has: can the device do what @feature says ("avx512", "sm_90")? Optional: no.
 * @map: kernels can read @bytes at @host of the host's memory as they are: say where.
 *	Optional: the device has memory of its own.
 * @run: execute a kernel; the only place where tensor bytes are computed
 * @numerics: what of the device itself decides the bits of a result, "avx512": a run goes
 *	on only where it is the same. Optional.
 * @available: bytes of memory that could be taken now. Optional: nobody knows.
 * @measure: medians of many short runs, about @seconds in all. Optional.
 * The stream and event slots are optional as a group: an arch without them does all
 * work at once, in the order of the calls.
 */
struct arch {
	const char *name;
	const char *summary;
	const char *kernels;
	bool is_reference;
	bool (*has)(const struct device *dev, const char *feature);	/* optional */
	int (*probe)(struct device *dev, int index);
	void (*release)(struct device *dev);				/* optional */
	int (*alloc)(struct device *dev, size_t bytes, void **address);
	void (*free)(struct device *dev, void *address, size_t bytes);
	int (*write)(struct device *dev, struct stream *s, void *to, const void *host, size_t n);
	int (*read)(struct device *dev, struct stream *s, void *host, const void *from, size_t n);
	int (*copy)(struct device *dev, struct stream *s, void *to, const void *from, size_t n);
	int (*fill)(struct device *dev, struct stream *s, void *to, int byte, size_t n);
	int (*map)(struct device *dev, const void *host, size_t bytes, void **address);
	int (*run)(struct device *dev, struct stream *s, const struct kernel *k, struct call *c);
	int (*stream_new)(struct device *dev, struct stream **s);
	void (*stream_free)(struct device *dev, struct stream *s);
	int (*stream_sync)(struct device *dev, struct stream *s);
	int (*event_new)(struct device *dev, struct event **e);
	void (*event_free)(struct device *dev, struct event *e);
	int (*event_record)(struct device *dev, struct event *e, struct stream *s);
	/** @stream_wait: later work on @s starts after @e was reached. */
	int (*stream_wait)(struct device *dev, struct stream *s, struct event *e);
	const char *(*numerics)(const struct device *dev);		/* optional */
	size_t (*available)(const struct device *dev);			/* optional */
	int (*measure)(struct device *dev, double seconds, struct device_rates *rates);
};

#define ARCH_REGISTER(var) SECTION_ENTRY(knlp_archs, struct arch, var)
SECTION_DECLARE(knlp_archs, struct arch);

/** struct device - one open device. */
struct device {
	const struct arch *arch;
	int index;
	void *context;		/* the arch's own */
	size_t bytes_used;	/* allocated now */
	size_t bytes_peak;
};

/**
 * device_open() - open "cpu", "remote", "cuda:1" ...
 * Return: 0; -ENODEV with the names of the archs that this binary has.
 */
int device_open(const char *name, struct device **dev);
void device_close(struct device *dev);

/** device_bytes() - what device_alloc() takes for @bytes: whole lines of 64, at least one. */
size_t device_bytes(size_t bytes);

/** device_has() - for kernels' usable(): does the device have @feature? */
bool device_has(const struct device *dev, const char *feature);

/** arch_reference() - name of the arch whose plain kernels every op must have. */
const char *arch_reference(void);

/** device_alloc() - @bytes of memory, zeroed, aligned to 64 bytes. */
int device_alloc(struct device *dev, size_t bytes, const char *what, struct buffer **buf);
void buffer_free(struct buffer *buf);

/**
 * device_map() - @bytes of the host's memory, to be read by kernels: where it lies if the
 * device can do that, otherwise a copy.
 * @host: unchanged and there as long as the buffer; its address is as aligned as kernels
 *	want it
 */
int device_map(struct device *dev, const void *host, size_t bytes, const char *what,
	       struct buffer **buf);

/** device_write() - host to device, at byte @offset of @buf; done on return. */
int device_write(struct buffer *buf, size_t offset, const void *host, size_t bytes);
/** device_read() - device to host, after all queued work; done on return. */
int device_read(const struct buffer *buf, size_t offset, void *host, size_t bytes);
int device_copy(struct buffer *to, size_t to_at, const struct buffer *from, size_t from_at,
		size_t bytes);
int device_fill(struct buffer *buf, size_t offset, int byte, size_t bytes);
int device_sync(struct device *dev);

/** arch_table() - all archs of this binary, sorted. */
const struct registry *arch_table(void);
/** arch_numerics() - device_numerics() of the first device, a text that lasts; "" if none. */
int arch_numerics(const struct arch *arch, const char **text);
/** device_numerics() - a text that lasts; see struct arch; "" if there is nothing to say. */
const char *device_numerics(const struct device *dev);
/** device_available() - bytes that could be taken now; SIZE_MAX if nobody knows. */
size_t device_available(const struct device *dev);
/**
 * device_measure() - what the device can do with the threads that it has now.
 * @seconds: about how long it may take
 * Return: 0; -EOPNOTSUPP if nobody has written how to measure such a device; -errno.
 */
int device_measure(struct device *dev, double seconds, struct device_rates *rates);
/**
 * rates_peak() - the rate that the arithmetic of a call can have at most: that of bf16 if
 * its first input is bf16.
 * @first: layout of that input, NULL or nd = -1: there is none
 */
double rates_peak(const struct device_rates *rates, const struct layout *first);

#endif
