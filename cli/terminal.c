/* terminal.c - see terminal.h. */
#include "cli/terminal.h"

#include <signal.h>
#include <stdlib.h>

#define FLUSH_TRIES                                                                                          \
	50 /* of 10 ms: a terminal that takes nothing any more (Ctrl-S) must not keep the process from       \
	      stopping */

struct terminal {
	struct live *live;
	struct session *session;
	struct people *people;
	uv_signal_t resized, stop, go_on;
	bool stopped; /* by Ctrl-Z: the screen was left clear */
};

static void redraw(struct terminal *terminal)
{
	session_heartbeat(terminal->session, live_now(terminal->live));
}

static void resized(uv_signal_t *handle, int number)
{
	(void)number;
	redraw(handle->data);
}

/* Somebody else wrote meanwhile; after a SIGSTOP, nobody knows where the cursor stands. */
static void gone_on(uv_signal_t *handle, int number)
{
	struct terminal *terminal = handle->data;

	(void)number;
	if (!terminal->stopped)
		screen_lost(terminal->session->err.screen);
	terminal->stopped = false;
	people_resume(terminal->people);
	redraw(terminal);
}

static void stop(uv_signal_t *handle, int number)
{
	struct terminal *terminal = handle->data;
	struct screen *screen = terminal->session->err.screen;
	unsigned tries;

	page_line(&terminal->session->err, NULL, 0, STYLE_WARN, "Ctrl-Z: ",
		  "nothing new is begun until `fg`; what is under way goes on, and so do its timeouts");
	people_suspend(terminal->people);
	screen_clear(screen);
	for (tries = 0; tries < FLUSH_TRIES && !screen_ready(screen); tries++)
		uv_sleep(10);
	terminal->stopped = true;
	uv_signal_stop(handle); /* the signal means again what it means without us */
	raise(number);
	uv_signal_start(handle, stop, number);
	people_resume(terminal->people);
}

static void watch(struct terminal *terminal, uv_signal_t *handle, int number, uv_signal_cb came)
{
	uv_signal_init(live_loop(terminal->live), handle);
	handle->data = terminal;
	uv_signal_start(handle, came, number);
	uv_unref((uv_handle_t *)handle);
}

struct terminal *terminal_watch(struct live *live, struct session *session, struct people *people)
{
	struct terminal *terminal;
	struct sigaction before;

	if (!session->err.screen)
		return NULL;
	terminal = memory_need(calloc(1, sizeof(*terminal)));
	terminal->live = live;
	terminal->session = session;
	terminal->people = people;
	people_quiet(people);
	watch(terminal, &terminal->resized, SIGWINCH, resized);
	watch(terminal, &terminal->go_on, SIGCONT, gone_on);
	/* Who started us without job control has Ctrl-Z ignored. */
	if (sigaction(SIGTSTP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		watch(terminal, &terminal->stop, SIGTSTP, stop);
	return terminal;
}

void terminal_free(struct terminal *terminal)
{
	free(terminal);
}
