/* typing.c - see typing.h. */
#define _GNU_SOURCE
#include "cli/typing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "interp/value.h"

struct typing {
	int fd;
	struct termios before;
	pid_t keeper; /* 0: there is none */
	int alive;    /* the keeper reads the end of this pipe when our process has ended */
};

static bool same_mode(const struct termios *a, const struct termios *b)
{
	return a->c_lflag == b->c_lflag && a->c_iflag == b->c_iflag &&
	       memcmp(a->c_cc, b->c_cc, sizeof(a->c_cc)) == 0;
}

static struct termios mode_of(const struct termios *before, enum typing_mode mode)
{
	struct termios ours = *before;

	ours.c_lflag &= ~(tcflag_t)(mode == TYPING_KEYS ? ECHO | ICANON : ECHO);
	if (mode == TYPING_KEYS) {
		ours.c_cc[VMIN] = 1;
		ours.c_cc[VTIME] = 0;
	}
	return ours;
}

static bool is_ours(const struct termios *now, const struct termios *before)
{
	struct termios hidden = mode_of(before, TYPING_HIDDEN), keys = mode_of(before, TYPING_KEYS);

	return same_mode(now, &hidden) || same_mode(now, &keys);
}

/*
 * In the child. Only what is safe between fork() and exec() in a process of several threads. It leaves the
 * session, so that no signal of the terminal reaches it; it holds nothing but the terminal and the pipe, so
 * that it keeps no lock and no pipe of others open. Where somebody else (a shell) has set a mode meanwhile,
 * that stays.
 */
static void keep(int fd, int alive, const struct termios *before)
{
	struct termios now;
	sigset_t all;
	char byte;
	ssize_t got;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(alive, STDOUT_FILENO) < 0)
		_exit(1);
	close_range(STDERR_FILENO, ~0u, 0);
	do
		got = read(STDOUT_FILENO, &byte, 1);
	while (got < 0 && errno == EINTR);
	if (got == 0 && tcgetattr(STDIN_FILENO, &now) == 0 && is_ours(&now, before))
		tcsetattr(STDIN_FILENO, TCSANOW, before);
	_exit(0);
}

/* Without a keeper all is well too, unless we are killed. */
static void keeper_start(struct typing *typing)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	typing->keeper = fork();
	if (typing->keeper == 0) {
		close(ends[1]);
		keep(typing->fd, ends[0], &typing->before);
	}
	close(ends[0]);
	typing->alive = ends[1];
	if (typing->keeper > 0)
		return;
	close(ends[1]);
	typing->keeper = 0;
}

static void keeper_end(struct typing *typing)
{
	if (typing->keeper == 0)
		return;
	while (write(typing->alive, "", 1) < 0 && errno == EINTR)
		;
	close(typing->alive);
	while (waitpid(typing->keeper, NULL, 0) < 0 && errno == EINTR)
		;
}

bool typing_foreground(int fd)
{
	pid_t group = tcgetpgrp(fd);

	return group < 0 || group == getpgrp();
}

struct typing *typing_begin(int fd, enum typing_mode mode)
{
	struct typing *typing = memory_need(calloc(1, sizeof(*typing)));

	typing->fd = fd;
	if (tcgetattr(fd, &typing->before) != 0) {
		free(typing);
		return NULL;
	}
	keeper_start(typing);
	if (!typing_change(typing, mode)) {
		typing_end(typing);
		return NULL;
	}
	return typing;
}

bool typing_change(struct typing *typing, enum typing_mode mode)
{
	struct termios ours = mode_of(&typing->before, mode);

	return tcsetattr(typing->fd, TCSANOW, &ours) == 0;
}

void typing_forget(int fd)
{
	tcflush(fd, TCIFLUSH);
}

void typing_end(struct typing *typing)
{
	if (!typing)
		return;
	if (typing_foreground(typing->fd))
		tcsetattr(typing->fd, TCSANOW, &typing->before);
	keeper_end(typing);
	free(typing);
}

/* ---- a line ---- */

static void cut(struct typed *typed, size_t length)
{
	memset(typed->line + length, 0, typed->length - length);
	typed->length = length;
}

static size_t without_character(const struct typed *typed)
{
	size_t length = typed->length;

	while (length > 0 && ((unsigned char)typed->line[--length] & 0xc0) == 0x80)
		;
	return length;
}

static size_t without_word(const struct typed *typed)
{
	size_t length = typed->length;

	while (length > 0 && typed->line[length - 1] == ' ')
		length--;
	while (length > 0 && typed->line[length - 1] != ' ')
		length--;
	return length;
}

/* Of an escape sequence: true until its last byte, that one included. */
static bool in_sequence(struct typed *typed, char byte)
{
	switch (typed->state) {
	case KEYS_PLAIN:
		if (byte != '\033')
			return false;
		typed->state = KEYS_ESCAPE;
		return true;
	case KEYS_ESCAPE:
		typed->state = byte == '[' || byte == 'O' ? KEYS_SEQUENCE : KEYS_PLAIN;
		return byte == '[' || byte == 'O';
	case KEYS_SEQUENCE:
		if ((unsigned char)byte >= 0x40 && (unsigned char)byte <= 0x7e)
			typed->state = KEYS_PLAIN;
		return true;
	}
	return false;
}

enum typed_what typed_add(struct typed *typed, char byte)
{
	if (in_sequence(typed, byte))
		return TYPED_MORE;
	switch (byte) {
	case '\r':
	case '\n':
		return TYPED_LINE;
	case '\004': /* Ctrl-D */
		return typed->length == 0 ? TYPED_CLOSED : TYPED_MORE;
	case '\b':
	case '\177':
		cut(typed, without_character(typed));
		return TYPED_MORE;
	case '\025': /* Ctrl-U */
		cut(typed, 0);
		return TYPED_MORE;
	case '\027': /* Ctrl-W */
		cut(typed, without_word(typed));
		return TYPED_MORE;
	default:
		if ((unsigned char)byte >= 0x20 && typed->length + 1 < sizeof(typed->line))
			typed->line[typed->length++] = byte;
		return TYPED_MORE;
	}
}

void typed_forget(struct typed *typed)
{
	explicit_bzero(typed, sizeof(*typed));
}
