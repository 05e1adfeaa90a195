// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/registry.h"
#include "base/strbuf.h"
#include "tensor/arch.h"
#include "tensor/shape.h"

const struct registry *arch_table(void)
{
	static struct registry archs;

	if (!archs.sorted) {
		archs = (struct registry)REGISTRY_INIT("arch", knlp_archs);
		BUG_ON(registry_sort(&archs, 0));
	}
	return &archs;
}

bool device_has(const struct device *dev, const char *feature)
{
	return dev->arch->has && dev->arch->has(dev, feature);
}

const char *arch_reference(void)
{
	const struct arch *a;

	registry_for_each(arch_table(), a) {
		if (a->is_reference)
			return a->name;
	}
	return "";
}

static int no_such_device(const char *name)
{
	const struct arch *a;
	struct strbuf names;
	int ret;

	strbuf_init(&names);
	registry_for_each(arch_table(), a)
		strbuf_addf(&names, "%s%s", names.len ? ", " : "", a->name);
	ret = fail(-ENODEV, "device '%s': this knlp has %s", name, names.s);
	strbuf_free(&names);
	return ret;
}

int device_open(const char *name, struct device **dev)
{
	const char *colon = strchr(name, ':');
	const struct arch *arch = NULL, *a;
	size_t len = colon ? (size_t)(colon - name) : strlen(name);
	long long index = 0;
	struct device *d;
	int ret = 0;

	registry_for_each(arch_table(), a) {
		if (strlen(a->name) == len && !strncmp(a->name, name, len))
			arch = a;
	}
	if (!arch || (colon && (str_to_int(colon + 1, &index) || index < 0)))
		return no_such_device(name);
	d = calloc(1, sizeof(*d));
	if (!d)
		return fail_nomem(sizeof(*d), "a device");
	d->arch = arch;
	d->index = (int)index;
	if (arch->probe)
		ret = arch->probe(d, d->index);
	if (ret)
		free(d);
	else
		*dev = d;
	return ret;
}

void device_close(struct device *dev)
{
	if (!dev)
		return;
	if (dev->arch->release)
		dev->arch->release(dev);
	free(dev);
}

size_t device_bytes(size_t bytes)
{
	return bytes ? (bytes + 63) & ~(size_t)63 : 64;
}

int device_alloc(struct device *dev, size_t bytes, const char *what, struct buffer **out)
{
	struct buffer *buf = calloc(1, sizeof(*buf));
	int ret;

	if (!buf)
		return fail_nomem(sizeof(*buf), what);
	buf->device = dev;
	buf->bytes = device_bytes(bytes);
	ret = dev->arch->alloc(dev, buf->bytes, &buf->address);
	if (!ret) {
		dev->bytes_used += buf->bytes;
		if (dev->bytes_used > dev->bytes_peak)
			dev->bytes_peak = dev->bytes_used;
		*out = buf;
		return 0;
	}
	free(buf);
	return fail(ret, "%s: no room for %zu MiB of %s (%zu MiB in use)", dev->arch->name,
		    bytes >> 20, what, dev->bytes_used >> 20);
}

static int map_in_place(struct device *dev, const void *host, size_t bytes, const char *what,
			struct buffer **out)
{
	struct buffer *buf = calloc(1, sizeof(*buf));
	int ret;

	if (!buf)
		return fail_nomem(sizeof(*buf), what);
	*buf = (struct buffer){ .device = dev, .bytes = bytes, .is_mapped = true };
	ret = dev->arch->map(dev, host, bytes, &buf->address);
	if (ret)
		free(buf);
	else
		*out = buf;
	return ret;
}

int device_map(struct device *dev, const void *host, size_t bytes, const char *what,
	       struct buffer **buf)
{
	int ret;

	if (dev->arch->map)
		return map_in_place(dev, host, bytes, what, buf);
	ret = device_alloc(dev, bytes, what, buf);
	if (ret)
		return ret;
	ret = device_write(*buf, 0, host, bytes);
	if (ret)
		buffer_free(*buf);
	return ret;
}

void buffer_free(struct buffer *buf)
{
	if (!buf)
		return;
	if (!buf->is_mapped) {
		buf->device->arch->free(buf->device, buf->address, buf->bytes);
		buf->device->bytes_used -= buf->bytes;
	}
	free(buf);
}

static char *inside(const struct buffer *buf, size_t offset, size_t bytes)
{
	BUG_ON(offset > buf->bytes || bytes > buf->bytes - offset);
	return (char *)buf->address + offset;
}

int device_write(struct buffer *buf, size_t offset, const void *host, size_t bytes)
{
	struct device *dev = buf->device;
	int ret;

	BUG_ON(buf->is_mapped);
	ret = dev->arch->write(dev, NULL, inside(buf, offset, bytes), host, bytes);

	return ret ? ret : device_sync(dev);
}

int device_read(const struct buffer *buf, size_t offset, void *host, size_t bytes)
{
	struct device *dev = buf->device;
	int ret = dev->arch->read(dev, NULL, host, inside(buf, offset, bytes), bytes);

	return ret ? ret : device_sync(dev);
}

int device_copy(struct buffer *to, size_t to_at, const struct buffer *from, size_t from_at,
		size_t bytes)
{
	BUG_ON(to->device != from->device);
	return to->device->arch->copy(to->device, NULL, inside(to, to_at, bytes),
				      inside(from, from_at, bytes), bytes);
}

int device_fill(struct buffer *buf, size_t offset, int byte, size_t bytes)
{
	return buf->device->arch->fill(buf->device, NULL, inside(buf, offset, bytes), byte, bytes);
}

int device_sync(struct device *dev)
{
	return dev->arch->stream_sync ? dev->arch->stream_sync(dev, NULL) : 0;
}

int arch_numerics(const struct arch *arch, const char **text)
{
	struct device *dev;
	int ret;

	*text = "";
	if (!arch->numerics)
		return 0;	/* no need to wake a device */
	ret = device_open(arch->name, &dev);
	if (ret)
		return ret;
	*text = device_numerics(dev);
	device_close(dev);
	return 0;
}

const char *device_numerics(const struct device *dev)
{
	return dev->arch->numerics ? dev->arch->numerics(dev) : "";
}

double rates_peak(const struct device_rates *rates, const struct layout *first)
{
	return first && first->nd >= 0 && first->dtype == DT_BF16 ? rates->bf16 : rates->f32;
}

int device_measure(struct device *dev, double seconds, struct device_rates *rates)
{
	*rates = (struct device_rates){ 0 };
	if (!dev->arch->measure)
		return fail(-EOPNOTSUPP, "device '%s' cannot be measured", dev->arch->name);
	return dev->arch->measure(dev, seconds, rates);
}

size_t device_available(const struct device *dev)
{
	return dev->arch->available ? dev->arch->available(dev) : SIZE_MAX;
}
