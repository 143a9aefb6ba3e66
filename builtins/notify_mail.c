/*
 * notify_mail.c - notify.mail: a mail by libcurl's SMTP, on a thread of the pool.
 *
 * The message is made here: its headers hold no line break but ours, a subject or a name in other letters is
 * encoded (RFC 2047), and the body goes as base64, so that no line of it is too long or means something to
 * the server.
 */
#include "builtins/notify_mail.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "builtins/http_parts.h"
#include "builtins/lazy.h"
#include "builtins/live.h"
#include "interp/buffer.h"
#include "interp/utf8.h"

#define NS_PER_S INT64_C(1000000000)
/* Of a message: a notice, not an archive. */
#define BODY_MAX (1024 * 1024)
/* Bytes of text in one encoded word (75 characters), and of a body in one line (76). */
#define WORD_BYTES 45
#define LINE_BYTES 57
#define TEXT_MAX   900

enum { MAIL_TO, MAIL_SUBJECT, MAIL_BODY, MAIL_FROM, MAIL_SMTP, MAIL_TLS, MAIL_LOGIN, MAIL_CA, MAIL_TIMEOUT };

struct mail {
	struct effect_call *call;
	const struct curl_api *curl;
	struct buffer message;
	size_t sent; /* bytes of it that curl has taken */
	struct value url;
	struct curl_slist *recipients;
	struct value from; /* the bare address, as curl wants it */
	atomic_bool cancelled;

	CURLcode code; /* from the thread */
	long status;
	char detail[CURL_ERROR_SIZE];
	char line[300]; /* the server's last that refused something */
};

static void mail_free(void *state)
{
	struct mail *mail = state;

	if (mail->recipients != NULL)
		mail->curl->slist_free_all(mail->recipients);
	buffer_free(&mail->message);
	value_release(mail->url);
	value_release(mail->from);
	free(mail);
}

/* ---- the message ---- */

static bool is_plain(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			return false;
	return strstr(text, "=?") == NULL;
}

/* Text in a header: as it is where it is plain, else in encoded words. */
static void add_words(struct buffer *text, const char *bytes)
{
	size_t length = strlen(bytes);

	if (is_plain(bytes)) {
		buffer_add_text(text, bytes);
		return;
	}
	for (size_t at = 0, end; at < length; at = end) {
		for (end = at; end < length;) {
			size_t step = utf8_sequence(bytes + end, length - end);

			if (end + (step > 0 ? step : 1) > at + WORD_BYTES)
				break;
			end += step > 0 ? step : 1;
		}
		buffer_add_text(text, at > 0 ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
		base64_add(text, bytes + at, end - at);
		buffer_add_text(text, "?=");
	}
}

static bool has_line_break(struct value text)
{
	const char *bytes = value_text_peek(text);

	return strpbrk(bytes, "\r\n") != NULL || strlen(bytes) != value_length(text);
}

/* name@host, of characters that need no quotes. */
static bool is_address(const char *text, size_t length)
{
	const char *at = memchr(text, '@', length);

	if (at == NULL || at == text || at + 1 == text + length || length > 254)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~' || strchr("<>()[]\\,;:\"", text[i]) != NULL ||
		    (text[i] == '@' && text + i != at))
			return false;
	return true;
}

/* Where the bare address stands in "Name <a@b>" or "a@b"; false: nowhere. */
static bool find_address(const char *text, const char **address, size_t *length)
{
	const char *open = strrchr(text, '<');
	size_t whole = strlen(text);

	*address = open == NULL ? text : open + 1;
	*length = open == NULL ? whole : (size_t)(text + whole - *address);
	if (open != NULL) {
		if (*length == 0 || text[whole - 1] != '>')
			return false;
		--*length;
	}
	return is_address(*address, *length);
}

/* "Name <a@b>" as a header has it. */
static void add_mailbox(struct buffer *text, const char *mailbox)
{
	const char *address;
	size_t length, name;
	char *copy;

	find_address(mailbox, &address, &length);
	name = address == mailbox ? 0 : (size_t)(address - mailbox) - 1;
	while (name > 0 && mailbox[name - 1] == ' ')
		name--;
	copy = memory_need(strndup(mailbox, name));
	if (name > 0 && is_plain(copy)) {
		buffer_add_byte(text, '"');
		for (const char *c = copy; *c != '\0'; c++) {
			if (*c == '"' || *c == '\\')
				buffer_add_byte(text, '\\');
			buffer_add_byte(text, *c);
		}
		buffer_add_text(text, "\" ");
	} else if (name > 0) {
		add_words(text, copy);
		buffer_add_byte(text, ' ');
	}
	free(copy);
	buffer_add_byte(text, '<');
	buffer_add(text, address, length);
	buffer_add_byte(text, '>');
}

/* Its lines end as a mail's do. */
static void add_body(struct buffer *text, struct value body)
{
	const char *bytes = value_text_peek(body), *plain;
	struct buffer lines = {0};

	for (size_t i = 0; i < value_length(body); i++) {
		if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r'))
			buffer_add_byte(&lines, '\r');
		buffer_add_byte(&lines, bytes[i]);
	}
	if (lines.length == 0 || buffer_text(&lines)[lines.length - 1] != '\n')
		buffer_add_text(&lines, "\r\n");
	plain = buffer_text(&lines);
	for (size_t at = 0; at < lines.length; at += LINE_BYTES) {
		base64_add(text, plain + at, lines.length - at < LINE_BYTES ? lines.length - at : LINE_BYTES);
		buffer_add_text(text, "\r\n");
	}
	buffer_free(&lines);
}

/* One of them, or a list. */
static struct value recipient(const struct effect_call *call, size_t index)
{
	struct value to = call_arg(call, MAIL_TO);

	return to.tag == VALUE_LIST ? list_peek(to, index) : index == 0 ? to : value_null();
}

static void message_make(struct mail *mail)
{
	const struct effect_call *call = mail->call;
	struct buffer *text = &mail->message;
	char host[100] = "", date[60], id[65];
	struct timespec now;
	struct tm parts;
	time_t seconds;

	clock_gettime(CLOCK_REALTIME, &now);
	seconds = now.tv_sec;
	gmtime_r(&seconds, &parts);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &parts);
	buffer_printf(text, "Date: %s\r\nFrom: ", date);
	add_mailbox(text, call_text(call, MAIL_FROM));
	buffer_add_text(text, "\r\nTo: ");
	for (size_t i = 0; recipient(call, i).tag == VALUE_STRING; i++) {
		buffer_add_text(text, i > 0 ? ",\r\n " : "");
		add_mailbox(text, value_text_peek(recipient(call, i)));
	}
	buffer_add_text(text, "\r\nSubject: ");
	add_words(text, call_text(call, MAIL_SUBJECT));
	gethostname(host, sizeof host - 1);
	snprintf(id, sizeof id, "%lld.%09ld.%d", (long long)now.tv_sec, now.tv_nsec, (int)getpid());
	buffer_printf(text, "\r\nMessage-ID: <%s@%s>\r\nMIME-Version: 1.0\r\n", id,
		      is_plain(host) && host[0] != '\0' ? host : "localhost");
	buffer_add_text(text, "Content-Type: text/plain; charset=utf-8\r\n"
			      "Content-Transfer-Encoding: base64\r\nAuto-Submitted: auto-generated\r\n\r\n");
	add_body(text, call_arg(call, MAIL_BODY));
}

/* ---- on the thread ---- */

static size_t message_wanted(char *buffer, size_t one, size_t room, void *context)
{
	struct mail *mail = context;
	size_t left = mail->message.length - mail->sent, length = one * room < left ? one * room : left;

	memcpy(buffer, buffer_text(&mail->message) + mail->sent, length);
	mail->sent += length;
	return length;
}

/* The server's lines; the last refusal is the one that matters. */
static size_t line_came(char *line, size_t one, size_t length, void *context)
{
	struct mail *mail = context;
	size_t whole = one * length;

	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		length--;
	if (length > 0 && (line[0] == '4' || line[0] == '5'))
		snprintf(mail->line, sizeof mail->line, "%.*s", (int)(length < 290 ? length : 290), line);
	return whole;
}

static int in_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct mail *mail = context;

	(void)a, (void)b, (void)c, (void)d;
	return atomic_load(&mail->cancelled);
}

static void mail_send(void *context)
{
	struct mail *mail = context;
	const struct curl_api *curl = mail->curl;
	const struct effect_call *call = mail->call;
	CURL *easy = memory_need(curl->easy_init());
	const char *login = call_text(call, MAIL_LOGIN), *tls = call_text(call, MAIL_TLS);
	int64_t timeout = call_int(call, MAIL_TIMEOUT, 30 * NS_PER_S);

	curl->easy_setopt(easy, CURLOPT_URL, value_text_peek(mail->url));
	curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, mail->detail);
	curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(easy, CURLOPT_PROXY, "");
	curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)((timeout + 999999) / 1000000));
	curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
	curl->easy_setopt(easy, CURLOPT_USE_SSL,
			  strcmp(tls, "never") == 0 ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
	if (login != NULL)
		curl->easy_setopt(easy, CURLOPT_USERPWD, login);
	if (call_text(call, MAIL_CA) != NULL)
		curl->easy_setopt(easy, CURLOPT_CAINFO, call_text(call, MAIL_CA));
	curl->easy_setopt(easy, CURLOPT_MAIL_FROM, value_text_peek(mail->from));
	curl->easy_setopt(easy, CURLOPT_MAIL_RCPT, mail->recipients);
	curl->easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl->easy_setopt(easy, CURLOPT_READFUNCTION, message_wanted);
	curl->easy_setopt(easy, CURLOPT_READDATA, mail);
	curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, line_came);
	curl->easy_setopt(easy, CURLOPT_HEADERDATA, mail);
	curl->easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl->easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, in_progress);
	curl->easy_setopt(easy, CURLOPT_XFERINFODATA, mail);
	mail->code = curl->easy_perform(easy);
	curl->easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &mail->status);
	curl->easy_cleanup(easy);
}

/* ---- on the loop ---- */

/* The server's own words where it refused; never what it says to a login, which could repeat it. */
static struct value why(const struct mail *mail)
{
	char time[48];

	switch (mail->code) {
	case CURLE_ABORTED_BY_CALLBACK:
		return value_string("cancelled");
	case CURLE_OPERATION_TIMEDOUT:
		return value_string_printf(
		    "timed out after %s",
		    duration_text(call_int(mail->call, MAIL_TIMEOUT, 30 * NS_PER_S), time));
	case CURLE_COULDNT_CONNECT:
		return value_string("nobody can be reached there");
	case CURLE_COULDNT_RESOLVE_HOST:
		return value_string("the name of the host cannot be resolved");
	case CURLE_LOGIN_DENIED:
		return value_string("the login is refused");
	case CURLE_USE_SSL_FAILED:
		return value_string("it offers no TLS (`tls: \"never\"` goes without)");
	case CURLE_PEER_FAILED_VERIFICATION:
		return value_string_printf("its certificate is not accepted: %s", mail->detail);
	default:
		if (mail->status >= 400 && mail->line[0] != '\0')
			return text_excerpt(mail->line, strlen(mail->line), 200);
		return value_string(mail->curl->easy_strerror(mail->code));
	}
}

static void mail_sent(void *context)
{
	struct mail *mail = context;
	struct value words;
	const char *smtp = call_text(mail->call, MAIL_SMTP);

	if (mail->code == CURLE_OK) {
		call_ok(mail->call, value_null());
		return;
	}
	words = why(mail);
	/* All of it went out and no answer came: it may have been taken. */
	if (mail->sent == mail->message.length && mail->status < 400)
		call_unknown(mail->call, "notify.mail: %s: %s; the mail may have gone out", smtp,
			     value_text_peek(words));
	else
		call_failed(mail->call, "notify.mail: %s: %s", smtp, value_text_peek(words));
	value_release(words);
}

static void mail_cancel(struct effect_call *call)
{
	atomic_store(&((struct mail *)call->state)->cancelled, true);
}

/* host or host:port */
static bool is_server(const char *text)
{
	return *text != '\0' && strlen(text) < 300 &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]")] ==
		   '\0';
}

/* What is wrong with one address of a mail; NULL: nothing. */
static const char *mailbox_problem(struct value mailbox)
{
	const char *address;
	size_t length;

	if (mailbox.tag != VALUE_STRING)
		return "an address is a text: \"ops@example.org\"";
	if (has_line_break(mailbox))
		return "an address has a line break in it";
	if (value_length(mailbox) > TEXT_MAX || !find_address(value_text_peek(mailbox), &address, &length))
		return "an address is like \"ops@example.org\" or \"Ops <ops@example.org>\"";
	return NULL;
}

static const char *mail_problem(const struct effect_call *call)
{
	struct value to = call_arg(call, MAIL_TO), subject = call_arg(call, MAIL_SUBJECT);
	const char *smtp = call_text(call, MAIL_SMTP), *tls = call_text(call, MAIL_TLS), *problem;
	bool never = strcmp(tls, "never") == 0;

	if (smtp == NULL)
		return "no server: give `smtp: \"mail.example.org:587\"`, or write it once for the file: "
		       "`defaults { notify.smtp = … }`";
	if (call_text(call, MAIL_FROM) == NULL)
		return "no sender: give `from`, or write it once for the file: `defaults { notify.from = … "
		       "}`";
	if (!is_server(smtp))
		return "smtp is a host, or a host and a port: \"mail.example.org:587\"";
	if (!never && strcmp(tls, "starttls") != 0 && strcmp(tls, "always") != 0)
		return "tls is \"starttls\", \"always\" or \"never\"";
	if (never && call_text(call, MAIL_LOGIN) != NULL)
		return "a login goes over TLS only";
	if (has_line_break(subject) || value_length(subject) > TEXT_MAX)
		return "a subject is one line of at most 900 bytes";
	if (value_length(call_arg(call, MAIL_BODY)) > BODY_MAX)
		return "the body exceeds 1MiB";
	problem = mailbox_problem(call_arg(call, MAIL_FROM));
	if (to.tag == VALUE_LIST && value_length(to) == 0)
		problem = "nobody is to get it";
	for (size_t i = 0; problem == NULL && i < (to.tag == VALUE_LIST ? value_length(to) : 1); i++)
		problem = mailbox_problem(recipient(call, i));
	return problem;
}

static struct value bare_address(struct value mailbox)
{
	const char *address;
	size_t length;

	find_address(value_text_peek(mailbox), &address, &length);
	return value_string_printf("<%.*s>", (int)length, address);
}

void notify_mail_start(struct effect_call *call)
{
	const char *problem = mail_problem(call);
	const struct curl_api *curl;
	struct mail *mail;
	char error[200];

	if (problem != NULL) {
		call_failed(call, "notify.mail: %s", problem);
		return;
	}
	curl = curl_load(error, sizeof error);
	if (curl == NULL) {
		call_failed(call, "notify.mail: %s", error);
		return;
	}
	mail = memory_need(calloc(1, sizeof *mail));
	mail->call = call;
	mail->curl = curl;
	mail->from = bare_address(call_arg(call, MAIL_FROM));
	mail->url = value_string_printf("%s://%s",
					strcmp(call_text(call, MAIL_TLS), "always") == 0 ? "smtps" : "smtp",
					call_text(call, MAIL_SMTP));
	for (size_t i = 0; recipient(call, i).tag == VALUE_STRING; i++) {
		struct value address = bare_address(recipient(call, i));

		mail->recipients =
		    memory_need(curl->slist_append(mail->recipients, value_text_peek(address)));
		value_release(address);
	}
	message_make(mail);
	call->state = mail;
	call->free_state = mail_free;
	call->cancel = mail_cancel;
	live_work(call->live, mail_send, mail_sent, mail);
}

struct value notify_mail_describe(const struct effect_request *request)
{
	struct value to = value_to_text(request->args[MAIL_TO]),
		     subject = value_show(request->args[MAIL_SUBJECT], 200);
	struct value line =
	    value_string_printf("mail to %s: %s", value_text_peek(to), value_text_peek(subject));

	value_release(to);
	value_release(subject);
	return line;
}
