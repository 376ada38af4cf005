#include "rtc/data.h"

#include <assert.h>
#include <errno.h>

#include "base/alloc.h"
#include "rtc/assoc.h"
#include "rtc/channel.h"

struct data {
	const struct data_ops *ops;
	void *owner;
	struct assoc *assoc; /* NULL after its end and after data_stop() */
	struct channels *channels;
	uint64_t open; /* one bit for each channel's stream */
	bool stopped;
};

/* --- from the channels to the association ----------------------------------------- */

static int on_channel_send(void *owner, uint16_t stream, uint32_t ppid, struct bytes message,
			   enum assoc_order order)
{
	struct data *d = owner;

	return d->assoc ? assoc_send(d->assoc, stream, ppid, message, order) : -ENOTCONN;
}

static int on_channel_reset(void *owner, uint16_t stream)
{
	struct data *d = owner;

	return d->assoc ? assoc_reset(d->assoc, stream) : -ENOTCONN;
}

static void on_channel_open(void *owner, uint16_t stream, struct bytes label)
{
	struct data *d = owner;

	assert(stream < ASSOC_STREAMS);
	d->open |= (uint64_t)1 << stream;
	if (!d->stopped)
		d->ops->on_open(d->owner, stream, label);
}

static void on_channel_message(void *owner, uint16_t stream, enum channel_kind kind,
			       struct bytes m)
{
	struct data *d = owner;

	if (!d->stopped)
		d->ops->on_message(d->owner, stream, m, kind == CHANNEL_TEXT);
}

static void on_channel_close(void *owner, uint16_t stream)
{
	struct data *d = owner;

	d->open &= ~((uint64_t)1 << stream);
	if (!d->stopped)
		d->ops->on_close(d->owner, stream);
}

static const struct channel_ops channel_ops = {
	.send = on_channel_send,
	.reset = on_channel_reset,
	.on_open = on_channel_open,
	.on_message = on_channel_message,
	.on_close = on_channel_close,
};

/* --- from the association to the channels ----------------------------------------- */

static void on_assoc_output(void *owner, struct bytes packet)
{
	struct data *d = owner;

	d->ops->output(d->owner, packet);
}

static void on_assoc_up(void *owner)
{
	(void)owner; /* the peer opens channels, and they are what counts */
}

static void on_assoc_message(void *owner, uint16_t stream, uint32_t ppid, struct bytes message)
{
	struct data *d = owner;

	if (channels_input(d->channels, stream, ppid, message) != CHANNEL_OK && !d->stopped)
		d->ops->on_dropped(d->owner);
}

static void on_assoc_reset(void *owner, uint16_t stream)
{
	channels_on_reset(((struct data *)owner)->channels, stream);
}

static void on_assoc_writable(void *owner)
{
	struct data *d = owner;

	channels_on_writable(d->channels);
	if (d->assoc)
		d->ops->on_writable(d->owner);
}

static void on_assoc_end(void *owner, enum assoc_end why)
{
	struct data *d = owner;
	uint64_t open = d->open;

	(void)why;
	assoc_free(d->assoc);
	d->assoc = NULL;
	d->open = 0;
	for (uint16_t stream = 0; stream < ASSOC_STREAMS && !d->stopped; stream++)
		if (open >> stream & 1)
			d->ops->on_close(d->owner, stream);
}

static const struct assoc_ops assoc_ops = {
	.output = on_assoc_output,
	.on_up = on_assoc_up,
	.on_message = on_assoc_message,
	.on_reset = on_assoc_reset,
	.on_writable = on_assoc_writable,
	.on_end = on_assoc_end,
};

/* --- life ------------------------------------------------------------------------- */

int data_new(struct data **out, struct sctp_service *sctp, struct loop *loop,
	     const struct data_ops *ops, void *owner)
{
	AUTO(data) struct data *d = mem_zalloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->ops = ops;
	d->owner = owner;

	int err = channels_new(&d->channels, &channel_ops, d);
	if (!err)
		err = assoc_new(&d->assoc, sctp, loop, &assoc_ops, d);
	if (err)
		return err;
	*out = d;
	d = NULL;
	return 0;
}

void data_free(struct data *d)
{
	if (!d)
		return;
	assoc_free(d->assoc);
	channels_free(d->channels);
	mem_free(d);
}

void data_stop(struct data *d)
{
	d->stopped = true;
	assoc_free(d->assoc);
	d->assoc = NULL;
}

void data_input(struct data *d, struct bytes packet)
{
	if (d->assoc)
		assoc_input(d->assoc, packet);
}

int data_send(struct data *d, uint16_t channel, struct bytes text)
{
	return d->assoc ? channel_send(d->channels, channel, CHANNEL_TEXT, text) : -ENOTCONN;
}

void data_dump(const struct data *d, struct buf *to)
{
	if (d->assoc)
		assoc_dump(d->assoc, to);
	channels_dump(d->channels, to);
}
