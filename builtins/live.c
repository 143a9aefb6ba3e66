/*
 * live.c - the live driver: the queue of answers, calls, timers, blocking work and polls on one libuv loop.
 *
 * Order. Answers, notes and signals are queued as they arrive, each with its time, and next() hands them out
 * in that order; a deadline takes its place among them by time. So no deadline and no signal is starved by
 * calls that end at once, and the clock the machine sees never goes back.
 *
 * Life of a call. start() makes it; its end queues the outcome; it is freed when that outcome is handed out,
 * which is outside of any callback. A call that outlives the grace after its cancel is detached: its outcome
 * was delivered as unknown, and it is freed at its real end or with the driver.
 */
#include "builtins/live.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "builtins/live_inside.h"
#include "interp/buffer.h"

/* Beside the call itself, how long the end of a run waits for what it cancelled before it cuts it off. */
#define LIVE_CLOSE_NS (2 * NS_PER_S)
/* For a killed process to be gone. */
#define LIVE_CLOSE_KILL_NS (1 * NS_PER_S)
/* And for blocking work, which nothing can cut off. */
#define LIVE_CLOSE_WORK_NS (10 * NS_PER_S)

struct pending {
	struct effect_call call; /* first: a call of ours is a pending */
	struct pending *next, *previous;
	void (*then)(struct effect_call *call); /* after the note */
	size_t notes;				/* of its, in the queue */
	bool noted;				/* the note was handed out: `then` is due */
	bool detached;				/* its outcome went out without it */
	bool retired;				/* ended after it was detached: to be freed */
	struct live_timer *grace;
};

struct live_queued {
	struct live_queued *next;
	enum delivery_kind kind;
	int64_t arrived, wall;
	struct pending *pending; /* OUTCOME, NOTE; NULL for the unknown of a detached call */
	char *id;
	struct outcome outcome;
	int signal;
};

struct live_timer {
	struct live *live;
	struct live_timer *next, *previous;
	uv_timer_t handle;
	uint64_t due; /* uv_hrtime() */
	void (*fire)(void *context);
	void *context;
};

struct live_poll {
	struct live *live;
	struct live_poll *next, *previous;
	uv_poll_t handle;
	void (*ready)(void *context, int uv_events);
	void *context;
};

struct live_kept {
	struct live_kept *next;
	char *name;
	void *kept;
	void (*free)(void *kept);
};

struct work {
	struct work *next, *previous;
	struct live *live;
	uv_work_t request;
	void (*work)(void *context);
	void (*done)(void *context);
	void *context;
};

void *live_alloc(size_t size)
{
	return memory_need(calloc(1, size));
}

char *live_strdup(const char *text)
{
	return text == NULL ? NULL : memory_need(strdup(text));
}

/* Links `item` in front of the list `head`, and takes it out again. */
#define LIST_ADD(head, item)                                                                                 \
	do {                                                                                                 \
		(item)->previous = NULL;                                                                     \
		(item)->next = (head);                                                                       \
		if ((head) != NULL)                                                                          \
			(head)->previous = (item);                                                           \
		(head) = (item);                                                                             \
	} while (0)
#define LIST_REMOVE(head, item)                                                                              \
	do {                                                                                                 \
		if ((item)->previous != NULL)                                                                \
			(item)->previous->next = (item)->next;                                               \
		else                                                                                         \
			(head) = (item)->next;                                                               \
		if ((item)->next != NULL)                                                                    \
			(item)->next->previous = (item)->previous;                                           \
	} while (0)

uv_loop_t *live_loop(struct live *live)
{
	return &live->loop;
}

int64_t live_now(struct live *live)
{
	return (int64_t)(uv_hrtime() - live->started);
}

const struct live_options *live_options(struct live *live)
{
	return &live->options;
}

/* ---- what is due on the next turn of the loop ---- */

static void deferred_run(uv_idle_t *idle)
{
	struct live *live = idle->data;
	size_t count = 0;

	/* Only what was there at the beginning: a callback that defers again gets the next turn. */
	for (struct live_deferred *d = live->deferred; d != NULL; d = d->next)
		count++;
	while (count-- > 0 && live->deferred != NULL) {
		struct live_deferred *first = live->deferred;

		live_forget(live, first);
		first->run(first->context);
	}
	if (live->deferred == NULL)
		uv_idle_stop(&live->idle);
}

void live_defer(struct live *live, struct live_deferred *deferred)
{
	if (deferred->queued)
		return;
	deferred->queued = true;
	deferred->next = NULL;
	*live->deferred_tail = deferred;
	live->deferred_tail = &deferred->next;
	uv_idle_start(&live->idle, deferred_run);
}

void live_forget(struct live *live, struct live_deferred *deferred)
{
	struct live_deferred **link = &live->deferred;

	if (!deferred->queued)
		return;
	while (*link != deferred)
		link = &(*link)->next;
	*link = deferred->next;
	if (live->deferred_tail == &deferred->next)
		live->deferred_tail = link;
	deferred->queued = false;
}

/* ---- the queue to the machine ---- */

int64_t live_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t live_wall(const struct live *live)
{
	return live_clock() + live->wall_offset;
}

static void woken(uv_idle_t *idle)
{
	(void)idle;
}

/*
 * Keeps uv_run() from blocking in this turn: for whatever a timer's callback may have done that next() waits
 * for. In a turn of libuv timers come before the poll, which would then wait for an event that need never
 * come.
 */
static void live_wake(struct live *live)
{
	uv_idle_start(&live->wake, woken);
}

static struct live_queued *queue_add(struct live *live, enum delivery_kind kind)
{
	struct live_queued *item = live_alloc(sizeof *item);

	item->kind = kind;
	item->arrived = live_now(live);
	item->wall = live_wall(live);
	item->outcome = outcome_ok(value_null());
	*live->queue_tail = item;
	live->queue_tail = &item->next;
	live_wake(live);
	return item;
}

static struct live_queued *queue_take(struct live *live)
{
	struct live_queued *item = live->queue;

	live->queue = item->next;
	if (live->queue == NULL)
		live->queue_tail = &live->queue;
	return item;
}

/* ---- calls ---- */

static struct pending *pending_new(struct live *live, const struct effect_request *request)
{
	struct pending *pending = live_alloc(sizeof *pending);
	struct value *args = live_alloc((request->arg_count + 1) * sizeof *args);

	for (size_t i = 0; i < request->arg_count; i++)
		args[i] = value_copy(request->args[i]);
	pending->call = (struct effect_call){
	    .live = live,
	    .builtin = request->builtin,
	    .id = live_strdup(request->id),
	    .args = args,
	    .arg_count = request->arg_count,
	    .label = live_strdup(request->label),
	    .decision = request->decision,
	    .until = request->until,
	    .intent = value_null(),
	};
	LIST_ADD(live->calls, pending);
	return pending;
}

static void pending_free(struct pending *pending)
{
	struct effect_call *call = &pending->call;

	LIST_REMOVE(call->live->calls, pending);
	live_timer_stop(pending->grace);
	if (call->state != NULL)
		(call->free_state != NULL ? call->free_state : free)(call->state);
	for (size_t i = 0; i < call->arg_count; i++)
		value_release(call->args[i]);
	value_release(call->intent);
	free((void *)call->args);
	free((void *)call->id);
	free((void *)call->label);
	free(pending);
}

/* Consumes the outcome. The second end of a call, and the end of a detached one, go nowhere. */
static void call_end(struct effect_call *call, struct outcome outcome)
{
	struct pending *pending = (struct pending *)call;
	struct live_queued *item;

	if (call->ended) {
		outcome_release(&outcome);
		return;
	}
	call->ended = true;
	live_timer_stop(pending->grace);
	pending->grace = NULL;
	if (pending->detached) {
		outcome_release(&outcome);
		pending->retired = true;
		call->live->due = true;
		return;
	}
	item = queue_add(call->live, DELIVERY_OUTCOME);
	item->pending = pending;
	item->outcome = outcome;
}

static struct value text_of(const char *format, va_list list)
{
	struct buffer text = {0};

	buffer_vprintf(&text, format, list);
	return buffer_finish(&text);
}

void call_ok(struct effect_call *call, struct value value)
{
	call_end(call, outcome_ok(value));
}

void call_answered(struct effect_call *call, struct value value, const char *who)
{
	struct outcome outcome = outcome_ok(value);

	outcome.message = value_string(who);
	call_end(call, outcome);
}

/* Ends `call` with a message made of the format and arguments that follow `last`. */
#define CALL_END_TEXT(call, kind_, value_, format, last)                                                     \
	do {                                                                                                 \
		va_list list;                                                                                \
                                                                                                             \
		va_start(list, last);                                                                        \
		call_end(call, (struct outcome){                                                             \
				   .kind = kind_, .value = value_, .message = text_of(format, list)});       \
		va_end(list);                                                                                \
	} while (0)

void call_failed(struct effect_call *call, const char *format, ...)
{
	CALL_END_TEXT(call, OUTCOME_FAILED, value_null(), format, format);
}

void call_failed_with(struct effect_call *call, struct value details, const char *format, ...)
{
	CALL_END_TEXT(call, OUTCOME_FAILED, details, format, format);
}

void call_unknown(struct effect_call *call, const char *format, ...)
{
	CALL_END_TEXT(call, OUTCOME_UNKNOWN, value_null(), format, format);
}

void call_refused(struct effect_call *call, const char *format, ...)
{
	CALL_END_TEXT(call, OUTCOME_REFUSED, value_null(), format, format);
}

void call_note(struct effect_call *call, struct value note, void (*then)(struct effect_call *call))
{
	struct pending *pending = (struct pending *)call;
	struct live_queued *item;

	if (call->ended || pending->detached) {
		value_release(note);
		return;
	}
	pending->then = then;
	pending->notes++;
	item = queue_add(call->live, DELIVERY_NOTE);
	item->pending = pending;
	item->outcome = outcome_ok(note);
}

struct value call_arg(const struct effect_call *call, size_t index)
{
	return index < call->arg_count ? call->args[index] : value_null();
}

const char *call_text(const struct effect_call *call, size_t index)
{
	struct value arg = call_arg(call, index);

	return arg.tag == VALUE_STRING ? value_text_peek(arg) : NULL;
}

int64_t call_int(const struct effect_call *call, size_t index, int64_t fallback)
{
	struct value arg = call_arg(call, index);

	switch (arg.tag) {
	case VALUE_INT:
	case VALUE_DURATION:
	case VALUE_SIZE:
	case VALUE_TIME:
		return arg.i;
	default:
		return fallback;
	}
}

bool call_bool(const struct effect_call *call, size_t index, bool fallback)
{
	struct value arg = call_arg(call, index);

	return arg.tag == VALUE_BOOL ? arg.b : fallback;
}

/* ---- timers ---- */

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void live_timer_stop(struct live_timer *timer)
{
	if (timer == NULL)
		return;
	LIST_REMOVE(timer->live->timers, timer);
	uv_close((uv_handle_t *)&timer->handle, timer_closed);
}

static void timer_arm(struct live_timer *timer);

static void timer_fired(uv_timer_t *handle)
{
	struct live_timer *timer = handle->data;

	/* libuv counts whole milliseconds from the start of the turn, which may be a little early. */
	if (uv_hrtime() < timer->due)
		timer_arm(timer);
	else
		timer->fire(timer->context);
}

/* Milliseconds until `due` (uv_hrtime()), rounded up. */
static uint64_t milliseconds_until(uint64_t due)
{
	uint64_t now = uv_hrtime();

	return due <= now ? 0 : (due - now + (uint64_t)NS_PER_MS - 1) / (uint64_t)NS_PER_MS;
}

static void timer_arm(struct live_timer *timer)
{
	uv_update_time(&timer->live->loop);
	uv_timer_start(&timer->handle, timer_fired, milliseconds_until(timer->due), 0);
}

struct live_timer *live_timer_start(struct live *live, int64_t delay_ns, void (*fire)(void *context),
				    void *context)
{
	struct live_timer *timer = live_alloc(sizeof *timer);

	timer->live = live;
	timer->fire = fire;
	timer->context = context;
	timer->due = uv_hrtime() + (delay_ns > 0 ? (uint64_t)delay_ns : 0);
	uv_timer_init(&live->loop, &timer->handle);
	timer->handle.data = timer;
	timer_arm(timer);
	LIST_ADD(live->timers, timer);
	return timer;
}

/* ---- blocking work ---- */

static void work_run(uv_work_t *request)
{
	struct work *work = request->data;

	work->work(work->context);
}

static void work_done(uv_work_t *request, int status)
{
	struct work *work = request->data;

	(void)status; /* never cancelled: `work` always ran */
	LIST_REMOVE(work->live->works, work);
	work->done(work->context);
	free(work);
}

void live_work(struct live *live, void (*work)(void *context), void (*done)(void *context), void *context)
{
	struct work *item = live_alloc(sizeof *item);

	item->live = live;
	item->work = work;
	item->done = done;
	item->context = context;
	item->request.data = item;
	LIST_ADD(live->works, item);
	uv_queue_work(&live->loop, &item->request, work_run, work_done);
}

/* ---- readiness of a descriptor ---- */

static void poll_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* An error of the poll itself is shown as readiness for all: the reader's own call then meets the real error.
 */
static void poll_ready(uv_poll_t *handle, int status, int events)
{
	struct live_poll *poll = handle->data;

	poll->ready(poll->context, status < 0 ? UV_READABLE | UV_WRITABLE : events);
}

struct live_poll *live_poll_start(struct live *live, int fd, int uv_events,
				  void (*ready)(void *context, int uv_events), void *context)
{
	struct live_poll *poll = live_alloc(sizeof *poll);

	poll->live = live;
	poll->ready = ready;
	poll->context = context;
	if (uv_poll_init(&live->loop, &poll->handle, fd) != 0) {
		free(poll);
		return NULL;
	}
	poll->handle.data = poll;
	LIST_ADD(live->polls, poll);
	uv_poll_start(&poll->handle, uv_events, poll_ready);
	return poll;
}

void live_poll_change(struct live_poll *poll, int uv_events)
{
	uv_poll_start(&poll->handle, uv_events, poll_ready);
}

void live_poll_stop(struct live_poll *poll)
{
	if (poll == NULL)
		return;
	LIST_REMOVE(poll->live->polls, poll);
	uv_close((uv_handle_t *)&poll->handle, poll_closed);
}

/* ---- what is kept for the run ---- */

void *live_keep(struct live *live, const char *name, void *(*make)(struct live *live),
		void (*release)(void *kept))
{
	struct live_kept *kept;

	for (kept = live->kept; kept != NULL; kept = kept->next)
		if (strcmp(kept->name, name) == 0)
			return kept->kept;
	kept = live_alloc(sizeof *kept);
	kept->name = live_strdup(name);
	kept->kept = make(live);
	kept->free = release;
	kept->next = live->kept;
	live->kept = kept;
	return kept->kept;
}

static void kept_free(struct live *live)
{
	while (live->kept != NULL) {
		struct live_kept *kept = live->kept;

		live->kept = kept->next;
		if (kept->free != NULL && kept->kept != NULL)
			kept->free(kept->kept);
		free(kept->name);
		free(kept);
	}
}

/* ---- the driver ---- */

/* Where a parameter stands in a row's signature; -1: nowhere. */
static int parameter_place(const char *signature, const char *name)
{
	size_t length = strlen(name);
	int place = 0, depth = 0;

	for (const char *at = signature; *at != '\0'; at++) {
		if (depth == 1 && (at[-1] == '(' || at[-1] == ' ') && strncmp(at, name, length) == 0 &&
		    at[length] == ':')
			return place;
		if (*at == '(' || *at == '[' || *at == '{')
			depth++;
		else if (*at == ')' || *at == ']' || *at == '}')
			depth--;
		else if (*at == ',' && depth == 1)
			place++;
		if (depth == 0)
			break;
	}
	return -1;
}

/* What is left until some moment may be computed, and be nothing: that is never "without a bound". */
static bool has_time(const struct effect_request *request, char text[48])
{
	const char *signature = request->builtin->signature;
	int place = signature == NULL ? -1 : parameter_place(signature, "timeout");

	if (place < 0 || (size_t)place >= request->arg_count || request->args[place].tag != VALUE_DURATION ||
	    request->args[place].i > 0)
		return true;
	duration_text(request->args[place].i, text);
	return false;
}

static void live_start(struct driver *driver, const struct effect_request *request)
{
	struct pending *pending = pending_new((struct live *)driver, request);
	char text[48];

	if (request->builtin->start == NULL)
		call_failed(&pending->call, "%s cannot be called here", request->builtin->name);
	else if (!has_time(request, text))
		call_failed(&pending->call, "%s: `timeout` is %s: no time is left for it",
			    request->builtin->name, text);
	else
		request->builtin->start(&pending->call);
}

static void live_settle(struct driver *driver, const struct effect_request *request, struct value notes)
{
	struct pending *pending = pending_new((struct live *)driver, request);

	pending->call.intent = value_copy(notes);
	if (request->builtin->probe == NULL)
		call_unknown(&pending->call, "whether %s happened cannot be asked", request->builtin->name);
	else
		request->builtin->probe(&pending->call);
}

static int64_t grace_of(const struct pending *pending)
{
	return pending->call.builtin->grace > 0 ? pending->call.builtin->grace : LIVE_GRACE_NS;
}

/* The grace is over: the machine gets its one outcome, and the call is on its own. */
static void grace_over(void *context)
{
	struct pending *pending = context;
	struct live_queued *item = queue_add(pending->call.live, DELIVERY_OUTCOME);
	char grace[48];

	live_timer_stop(pending->grace);
	pending->grace = NULL;
	pending->detached = true;
	item->id = live_strdup(pending->call.id);
	item->outcome = (struct outcome){
	    .kind = OUTCOME_UNKNOWN,
	    .value = value_null(),
	    .message =
		value_string_printf("%s was cancelled and did not end within %s", pending->call.builtin->name,
				    duration_text(grace_of(pending), grace)),
	};
}

static void pending_cancel(struct pending *pending)
{
	struct effect_call *call = &pending->call;

	if (call->ended || call->cancelled)
		return;
	call->cancelled = true;
	if (call->cancel != NULL)
		call->cancel(call);
}

static void live_cancel(struct driver *driver, const char *id)
{
	struct live *live = (struct live *)driver;
	struct pending *pending;

	for (pending = live->calls; pending != NULL; pending = pending->next)
		if (!pending->call.ended && !pending->call.cancelled && strcmp(pending->call.id, id) == 0)
			break;
	if (pending == NULL)
		return;
	pending->grace = live_timer_start(live, grace_of(pending), grace_over, pending);
	pending_cancel(pending);
}

/* Goes on with calls whose note the machine has put on record, and frees what ended after it was detached. */
static void calls_continue(struct live *live)
{
	struct pending *pending, *next;

	if (!live->due)
		return;
	live->due = false;
	for (pending = live->calls; pending != NULL; pending = next) {
		next = pending->next;
		if (pending->noted) {
			void (*then)(struct effect_call * call) = pending->then;

			pending->noted = false;
			pending->then = NULL;
			if (!pending->call.ended && then != NULL)
				then(&pending->call);
		}
		if (pending->retired && pending->notes == 0)
			pending_free(pending);
	}
}

/* Gives `item` to the machine and frees it, and with an outcome its call. */
static void queue_deliver(struct live *live, struct live_queued *item, struct delivery *out)
{
	if (item->arrived > live->last_now)
		live->last_now = item->arrived;
	*out = (struct delivery){
	    .kind = item->kind,
	    .now = live->last_now,
	    .wall = item->wall,
	    .id = item->pending == NULL ? item->id : live_strdup(item->pending->call.id),
	    .outcome = item->outcome,
	    .signal = item->signal,
	};
	if (item->kind == DELIVERY_OUTCOME && item->pending != NULL)
		pending_free(item->pending);
	if (item->kind == DELIVERY_NOTE) {
		item->pending->notes--;
		item->pending->noted = true;
		live->due = true;
	}
	free(item);
}

static void deadline_reached(uv_timer_t *timer)
{
	live_wake(timer->data);
}

static bool live_next(struct driver *driver, int64_t deadline, struct delivery *out)
{
	struct live *live = (struct live *)driver;

	calls_continue(live);
	/* Where nothing has to be waited for: signals and timers of builtins must be seen all the same. */
	if (live->queue != NULL || live_now(live) >= deadline)
		uv_run(&live->loop, UV_RUN_NOWAIT);
	for (;;) {
		int64_t now = live_now(live);

		if (live->queue != NULL && live->queue->arrived <= deadline) {
			queue_deliver(live, queue_take(live), out);
			return true;
		}
		if (now >= deadline) {
			live->last_now = now;
			*out = (struct delivery){.kind = DELIVERY_TIME,
						 .now = live->last_now,
						 .wall = live_wall(live),
						 .outcome = outcome_ok(value_null())};
			return true;
		}
		if (deadline != INT64_MAX) {
			uv_update_time(&live->loop);
			uv_timer_start(&live->deadline, deadline_reached,
				       milliseconds_until(live->started + (uint64_t)deadline), 0);
		}
		uv_idle_stop(&live->wake); /* the queue is empty, and the deadline is yet to come */
		uv_run(&live->loop, UV_RUN_ONCE);
		uv_timer_stop(&live->deadline);
	}
}

static bool live_has_come(struct driver *driver)
{
	struct live *live = (struct live *)driver;

	if (live->queue == NULL)
		uv_run(&live->loop, UV_RUN_NOWAIT);
	return live->queue != NULL && live->queue->kind == DELIVERY_OUTCOME;
}

static int64_t live_start_wall(struct driver *driver)
{
	return ((struct live *)driver)->wall;
}

static void signal_came(uv_signal_t *handle, int number)
{
	queue_add(handle->data, DELIVERY_SIGNAL)->signal = number;
}

/* ---- the end ---- */

static bool calls_under_way(const struct live *live)
{
	for (const struct pending *pending = live->calls; pending != NULL; pending = pending->next)
		if (!pending->call.ended)
			return true;
	return false;
}

static bool works_under_way(const struct live *live)
{
	return live->works != NULL;
}

static bool processes_under_way(const struct live *live)
{
	return live->processes != NULL;
}

/* Turns the loop until `busy` says no or the time is over; looks at least every 20 ms. */
static void loop_while(struct live *live, bool (*busy)(const struct live *live), int64_t limit_ns)
{
	int64_t end = live_now(live) + limit_ns;

	while (busy(live) && live_now(live) < end) {
		uv_idle_stop(&live->wake); /* what is queued is not waited for any more */
		uv_update_time(&live->loop);
		uv_timer_start(&live->deadline, deadline_reached, 20, 0);
		uv_run(&live->loop, UV_RUN_ONCE);
	}
	uv_timer_stop(&live->deadline);
}

static void queue_free(struct live *live)
{
	while (live->queue != NULL) {
		struct live_queued *item = queue_take(live);

		outcome_release(&item->outcome);
		free(item->id);
		free(item);
	}
}

static void handles_close(struct live *live)
{
	while (live->timers != NULL)
		live_timer_stop(live->timers);
	while (live->polls != NULL)
		live_poll_stop(live->polls);
	uv_close((uv_handle_t *)&live->deadline, NULL);
	uv_close((uv_handle_t *)&live->idle, NULL);
	uv_close((uv_handle_t *)&live->wake, NULL);
	uv_close((uv_handle_t *)&live->interrupt, NULL);
	uv_close((uv_handle_t *)&live->terminate, NULL);
	uv_close((uv_handle_t *)&live->child, NULL);
}

/* What somebody else put on the loop and forgot must not keep it turning. */
static void handle_close(uv_handle_t *handle, void *context)
{
	(void)context;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Ends transfers and processes by force: their on_done is called. They may begin others, which end the same
 * way. */
static void all_abandon(struct live *live)
{
	live->closing = true;
	live_http_abandon(live);
	live_process_kill(live);
	loop_while(live, processes_under_way, LIVE_CLOSE_KILL_NS);
	live_process_abandon(live);
	live_http_abandon(live);
}

static void live_free(struct driver *driver)
{
	struct live *live = (struct live *)driver;
	struct pending *pending, *next;

	for (pending = live->calls; pending != NULL; pending = next) {
		next = pending->next;
		pending_cancel(pending);
	}
	loop_while(live, calls_under_way, LIVE_CLOSE_NS);
	all_abandon(live);
	loop_while(live, works_under_way, LIVE_CLOSE_WORK_NS);
	if (live->works != NULL)
		return; /* a thread still uses its context; the process is about to end */
	all_abandon(live);
	queue_free(live);
	while (live->calls != NULL)
		pending_free(live->calls);
	kept_free(live);
	all_abandon(live);
	live_http_free(live);
	guard_end(&live->guard);
	handles_close(live);
	uv_walk(&live->loop, handle_close, NULL);
	uv_run(&live->loop, UV_RUN_DEFAULT);
	uv_loop_close(&live->loop);
	free(live);
}

static const struct driver_ops live_ops = {
    .name = "live",
    .start = live_start,
    .cancel = live_cancel,
    .next = live_next,
    .has_come = live_has_come,
    .start_wall = live_start_wall,
    .settle = live_settle,
    .free = live_free,
};

static void signals_watch(struct live *live)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t watched;

	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	/* Whoever started us may have blocked them. */
	sigemptyset(&watched);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGCHLD);
	pthread_sigmask(SIG_UNBLOCK, &watched, NULL);
	uv_signal_init(&live->loop, &live->interrupt);
	uv_signal_init(&live->loop, &live->terminate);
	uv_signal_init(&live->loop, &live->child);
	live->interrupt.data = live->terminate.data = live->child.data = live;
	uv_signal_start(&live->interrupt, signal_came, SIGINT);
	uv_signal_start(&live->terminate, signal_came, SIGTERM);
	uv_signal_start(&live->child, live_process_reap, SIGCHLD);
}

struct driver *live_new(const struct live_options *options)
{
	struct live *live = live_alloc(sizeof *live);

	live->driver.ops = &live_ops;
	if (options != NULL)
		live->options = *options;
	live->queue_tail = &live->queue;
	live->deferred_tail = &live->deferred;
	if (uv_loop_init(&live->loop) != 0) {
		free(live);
		return NULL;
	}
	live->started = uv_hrtime();
	live->wall = live_clock();
	if (live->options.start_wall != 0)
		live->wall_offset = live->options.start_wall - live->wall;
	live->wall += live->wall_offset;
	uv_timer_init(&live->loop, &live->deadline);
	live->deadline.data = live;
	uv_idle_init(&live->loop, &live->idle);
	uv_idle_init(&live->loop, &live->wake);
	live->idle.data = live;
	signals_watch(live);
	return &live->driver;
}
