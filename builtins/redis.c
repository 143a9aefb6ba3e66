/*
 * redis.c - redis.*: commands to Redis. hiredis writes and reads the protocol; the connection is a stream of
 * ours, so that TLS, the bound on an answer and the end of a call are what they are elsewhere.
 *
 * A call has a connection of its own: AUTH, SELECT, for redis.query a question about the command, then the
 * command, each sent when the one before it was answered well. So a command never reaches the wrong database,
 * and until it is sent nothing can have changed.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "builtins/http_parts.h"
#include "builtins/lazy.h"
#include "builtins/live.h"
#include "builtins/scrub.h"
#include "builtins/stream.h"
#include "builtins/tables.h"
#include "builtins/url_parts.h"
#include "builtins/words.h"
#include "interp/buffer.h"

#define PORT_OF_REDIS 6379
#define MS	      INT64_C(1000000)

/* A list of this many elements takes as much memory as an answer of LIVE_BODY_MAX can take as text. */
#define ELEMENTS_MAX (LIVE_BODY_MAX / 16)

#define EXCERPT 400

/* Where a row's arguments on the server stand. */
struct redis_layout {
	size_t url, password, ca, insecure, timeout;
};

#define PLACE                                                                                                \
	"url: secret string = \"redis://127.0.0.1:6379\", password: secret string = null, "                  \
	"ca: path = null, insecure: bool = false, timeout: duration = 5s"
#define PLACE_AT(at)                                                                                         \
	{                                                                                                    \
		.url = (at), .password = (at) + 1, .ca = (at) + 2, .insecure = (at) + 3, .timeout = (at) + 4 \
	}

enum redis_step { REDIS_CONNECT, REDIS_AUTH, REDIS_SELECT, REDIS_LOOK_UP, REDIS_RUN };

struct redis_call {
	struct effect_call *call;
	const struct redis_layout *layout;
	const struct hiredis_api *hiredis;
	struct stream *stream;
	struct live_timer *deadline;
	struct url_parts url;
	char place[300]; /* "cache1:6379" */
	struct value secrets;
	struct value words; /* the command */
	int64_t database;
	enum redis_step step;
	bool looks_up; /* the command must be known to change nothing */
	void (*answer)(struct redis_call *redis, struct value reply); /* ends the call. The reply is lent */

	redisReader *reader;
	size_t received;
	struct value reply;
	bool refused, too_many; /* the reply is an error; has more elements than are taken */
	int64_t asked;		/* live_now() */
};

static void redis_call_free(void *state)
{
	struct redis_call *redis = state;

	stream_close(redis->stream);
	live_timer_stop(redis->deadline);
	if (redis->reader != NULL)
		redis->hiredis->redisReaderFree(redis->reader);
	url_parts_free(&redis->url);
	value_release(redis->secrets);
	value_release(redis->words);
	value_release(redis->reply);
	free(redis);
}

/* ---- ends ---- */

/* Nothing of ours calls back any more. */
static void quiet(struct redis_call *redis)
{
	stream_close(redis->stream);
	redis->stream = NULL;
	live_timer_stop(redis->deadline);
	redis->deadline = NULL;
	redis->call->cancel = NULL;
}

/* No answer came, or none that can be taken: a change that was sent may have happened. */
static void __attribute__((format(printf, 2, 3)))
end_without(struct redis_call *redis, const char *format, ...)
{
	struct effect_call *call = redis->call;
	struct buffer text = {0};
	struct value reason;
	va_list list;

	va_start(list, format);
	buffer_vprintf(&text, format, list);
	va_end(list);
	reason = scrub(buffer_finish(&text), redis->secrets);
	quiet(redis);
	if (call->builtin->effect == EFFECT_CHANGE && redis->step == REDIS_RUN)
		call_unknown(call, "%s: %s: %s; the server may have done it", call->builtin->name,
			     redis->place, value_text_peek(reason));
	else
		call_failed(call, "%s: %s: %s", call->builtin->name, redis->place, value_text_peek(reason));
	value_release(reason);
}

/* The server's own word, an error. Its first word is a code in capitals. */
static void end_refused(struct redis_call *redis)
{
	static const char *const before[] = {[REDIS_AUTH] = "signing in: ",
					     [REDIS_SELECT] = "choosing the database: ",
					     [REDIS_LOOK_UP] = "asking what the command does: ",
					     [REDIS_RUN] = ""};
	struct effect_call *call = redis->call;
	struct value clean = scrub(value_copy(redis->reply), redis->secrets);
	struct value text = text_excerpt(value_text_peek(clean), value_length(clean), EXCERPT);
	struct value details = record_new(2);

	record_set(&details, "code",
		   value_string_n(value_text_peek(text), strcspn(value_text_peek(text), " ")));
	record_set(&details, "message", value_copy(text));
	quiet(redis);
	call_failed_with(call, details, "%s: %s: %s%s", call->builtin->name, redis->place,
			 before[redis->step], value_text_peek(text));
	value_release(text);
	value_release(clean);
}

static void end_unlike(struct redis_call *redis, const char *wanted)
{
	end_without(redis, "the answer is not %s", wanted);
}

static void redis_late(void *context)
{
	struct redis_call *redis = context;
	char text[48];

	duration_text(call_int(redis->call, redis->layout->timeout, 0), text);
	end_without(redis, "%s within %s",
		    redis->step == REDIS_CONNECT ? stream_missing(redis->stream) : "no answer", text);
}

static void redis_cancel(struct effect_call *call)
{
	end_without(call->state, "cancelled");
}

/* ---- replies: hiredis calls these, and the place for each part is there before the part ---- */

static struct value *place_of(const redisReadTask *task)
{
	struct redis_call *redis = task->privdata;
	struct value *list = task->parent == NULL ? NULL : task->parent->obj;

	return list == NULL ? &redis->reply : &list->list->items[task->idx];
}

static void *reply_put(const redisReadTask *task, struct value v)
{
	struct value *place = place_of(task);

	value_put(place, v);
	return place;
}

static void *reply_string(const redisReadTask *task, char *bytes, size_t length)
{
	struct redis_call *redis = task->privdata;
	struct value text = value_string_n(bytes, length), record;

	if (task->type != REDIS_REPLY_ERROR)
		return reply_put(task, text);
	if (task->parent == NULL) {
		redis->refused = true;
		return reply_put(task, text);
	}
	record = record_new(1);
	record_set(&record, "error", text);
	return reply_put(task, record);
}

static void *reply_array(const redisReadTask *task, int count)
{
	struct redis_call *redis = task->privdata;
	struct value list;

	if (count > ELEMENTS_MAX) {
		redis->too_many = true;
		return NULL;
	}
	list = list_new((size_t)count);
	for (int i = 0; i < count; i++)
		list_push(&list, value_null());
	return reply_put(task, list);
}

static void *reply_integer(const redisReadTask *task, long long number)
{
	return reply_put(task, value_int(number));
}

static void *reply_nil(const redisReadTask *task)
{
	return reply_put(task, value_null());
}

/* The parts belong to the whole, and that to the call. */
static void reply_free(void *place)
{
	(void)place;
}

static redisReplyObjectFunctions reply_functions = {
    .createString = reply_string,
    .createArray = reply_array,
    .createInteger = reply_integer,
    .createNil = reply_nil,
    .freeObject = reply_free,
};

/* ---- a conversation ---- */

static void send_words(struct redis_call *redis, struct value words)
{
	size_t count = value_length(words);
	const char **texts = memory_need(calloc(count + 1, sizeof *texts));
	size_t *lengths = memory_need(calloc(count + 1, sizeof *lengths));
	char *bytes = NULL;
	int length;

	for (size_t i = 0; i < count; i++) {
		texts[i] = value_text_peek(list_peek(words, i));
		lengths[i] = value_length(list_peek(words, i));
	}
	length = redis->hiredis->redisFormatCommandArgv(&bytes, (int)count, texts, lengths);
	memory_need(bytes);
	redis->asked = live_now(redis->call->live);
	redis->received = 0;
	stream_send(redis->stream, bytes, (size_t)length);
	redis->hiredis->redisFreeCommand(bytes);
	free(texts);
	free(lengths);
}

static struct value words_of(const char *first, struct value second, struct value third)
{
	struct value words = list_new(3);

	list_push(&words, value_string(first));
	if (second.tag != VALUE_NULL)
		list_push(&words, second);
	if (third.tag != VALUE_NULL)
		list_push(&words, third);
	return words;
}

static void send_and_drop(struct redis_call *redis, struct value words)
{
	send_words(redis, words);
	value_release(words);
}

static struct value password_of(const struct redis_call *redis)
{
	struct value given = call_arg(redis->call, redis->layout->password);

	return given.tag == VALUE_STRING ? value_copy(given) : value_string(redis->url.password);
}

/* Container commands such as CONFIG have their subcommand looked up beside them: Redis knows it from 7.0 on.
 */
static struct value look_up_words(const struct redis_call *redis)
{
	const char *name = value_text_peek(list_peek(redis->words, 0)),
		   *second = value_text_peek(list_peek(redis->words, 1));
	struct value words = words_of("COMMAND", value_string("INFO"), value_string(name));

	if (value_length(redis->words) > 1)
		list_push(&words, value_string_printf("%s|%s", name, second));
	return words;
}

/* Goes on to the next step that there is. */
static void go_on(struct redis_call *redis)
{
	struct value password = value_null();

	redis->step++;
	if (redis->step == REDIS_AUTH) {
		password = password_of(redis);
		if (password.tag == VALUE_NULL)
			redis->step++;
		else
			send_and_drop(redis, redis->url.user != NULL && redis->url.user[0] != '\0'
						 ? words_of("AUTH", value_string(redis->url.user), password)
						 : words_of("AUTH", password, value_null()));
	}
	if (redis->step == REDIS_SELECT && redis->database == 0)
		redis->step++;
	else if (redis->step == REDIS_SELECT)
		send_and_drop(redis,
			      words_of("SELECT", value_string_printf("%lld", (long long)redis->database),
				       value_null()));
	if (redis->step == REDIS_LOOK_UP && !redis->looks_up)
		redis->step++;
	else if (redis->step == REDIS_LOOK_UP)
		send_and_drop(redis, look_up_words(redis));
	if (redis->step == REDIS_RUN)
		send_words(redis, redis->words);
}

static bool has_word(struct value list, const char *word)
{
	for (size_t i = 0; i < value_length(list); i++)
		if (strcasecmp(value_text_peek(list_peek(list, i)), word) == 0)
			return true;
	return false;
}

/* Of what COMMAND INFO says the third is the flags; the subcommand's own, where it has some. */
static bool only_reads(struct value known)
{
	struct value of = list_peek(known, 1).tag == VALUE_LIST ? list_peek(known, 1) : list_peek(known, 0);
	struct value flags = list_peek(of, 2);

	return has_word(flags, "readonly") && !has_word(flags, "write");
}

static void reply_take(struct redis_call *redis)
{
	struct value reply = redis->reply;

	if (redis->refused) {
		end_refused(redis);
		return;
	}
	if (redis->step == REDIS_RUN) {
		redis->call->cancel = NULL;
		redis->answer(redis, reply);
		return;
	}
	if (redis->step == REDIS_LOOK_UP && !only_reads(reply)) {
		end_without(redis, list_peek(reply, 0).tag == VALUE_NULL
				       ? "the server has no such command"
				       : "the command does more than read: run it by redis.command");
		return;
	}
	value_clear(&redis->reply);
	go_on(redis);
}

static void redis_received(void *context, const char *bytes, size_t length)
{
	struct redis_call *redis = context;
	void *reply = NULL;
	char text[48];

	redis->received += length;
	if (redis->received > LIVE_BODY_MAX) {
		end_without(redis, "the answer is larger than %s", size_text(LIVE_BODY_MAX, text));
		return;
	}
	redis->hiredis->redisReaderFeed(redis->reader, bytes, length);
	if (redis->hiredis->redisReaderGetReply(redis->reader, &reply) != REDIS_OK) {
		if (redis->too_many)
			end_without(redis, "the answer has more than %d parts", ELEMENTS_MAX);
		else
			end_without(redis, "the answer is not of Redis: %s", redis->reader->errstr);
		return;
	}
	if (reply != NULL)
		reply_take(redis);
}

static void redis_connected(void *context)
{
	go_on(context);
}

static void redis_ended(void *context, enum stream_end end, const char *reason)
{
	(void)end;
	end_without(context, "%s", reason);
}

/* ---- the beginning ---- */

static void keep_secret(struct redis_call *redis, struct value text)
{
	if (text.tag == VALUE_STRING && value_length(text) > 0)
		list_push(&redis->secrets, text);
	else
		value_release(text);
}

static bool database_of(struct redis_call *redis)
{
	const char *path = redis->url.path;
	size_t digits = strspn(path + 1, "0123456789");

	if (redis->url.query != NULL || path[1 + digits] != '\0' || digits > 9)
		return false;
	redis->database = atoi(path + 1);
	return true;
}

/* redis://user:password@host:port/database. False with a message that does not hold it. */
static bool target_of(struct redis_call *redis, char *error, size_t size)
{
	struct value url = call_arg(redis->call, redis->layout->url);
	bool known = url_parts_read(&redis->url, url, error, size) &&
		     (strcmp(redis->url.scheme, "redis") == 0 || strcmp(redis->url.scheme, "rediss") == 0) &&
		     database_of(redis);
	bool brackets;

	if (!known) {
		snprintf(error, size,
			 "url: is not a URL of Redis (redis://user:password@host:port/database, rediss:// "
			 "for TLS)");
		return false;
	}
	if (redis->url.port == 0)
		redis->url.port = PORT_OF_REDIS;
	brackets = strchr(redis->url.host, ':') != NULL;
	if (value_is_secret(url) && redis->url.password == NULL)
		snprintf(redis->place, sizeof redis->place, "***");
	else
		snprintf(redis->place, sizeof redis->place, "%s%.250s%s:%d", brackets ? "[" : "",
			 redis->url.host, brackets ? "]" : "", redis->url.port);
	return true;
}

static void collect_secrets(struct redis_call *redis)
{
	keep_secret(redis, password_of(redis));
	for (size_t i = 0; i < value_length(redis->words); i++)
		if (value_is_secret(list_peek(redis->words, i)))
			keep_secret(redis, value_copy(list_peek(redis->words, i)));
}

static bool words_usable(struct value words)
{
	for (size_t i = 0; i < value_length(words); i++)
		if (list_peek(words, i).tag != VALUE_STRING)
			return false;
	return value_length(list_peek(words, 0)) > 0;
}

/* Consumes `words`. */
static struct redis_call *redis_begin(struct effect_call *call, const struct redis_layout *layout,
				      struct value words,
				      void (*answer)(struct redis_call *redis, struct value reply))
{
	struct redis_call *redis = memory_need(calloc(1, sizeof *redis));
	int64_t timeout = call_int(call, layout->timeout, 0);
	struct stream_options options;
	char error[300];

	*redis = (struct redis_call){.call = call,
				     .layout = layout,
				     .words = words,
				     .answer = answer,
				     .secrets = list_new(2),
				     .reply = value_null(),
				     .hiredis = hiredis_load(error, sizeof error)};
	call->state = redis;
	call->free_state = redis_call_free;
	if (redis->hiredis != NULL && !words_usable(words))
		snprintf(error, sizeof error, "a command is a list of texts that begins with its name");
	if (redis->hiredis == NULL || !words_usable(words) || !target_of(redis, error, sizeof error)) {
		call_failed(call, "%s: %s", call->builtin->name, error);
		return NULL;
	}
	collect_secrets(redis);
	redis->reader = memory_need(redis->hiredis->redisReaderCreateWithFunctions(&reply_functions));
	redis->reader->privdata = redis;
	options = (struct stream_options){
	    .host = redis->url.host,
	    .port = redis->url.port,
	    .timeout_ns = timeout,
	    .tls = strcmp(redis->url.scheme, "rediss") == 0,
	    .ca_file = call_text(call, layout->ca),
	    .any_certificate = call_bool(call, layout->insecure, false),
	    .connected = redis_connected,
	    .received = redis_received,
	    .ended = redis_ended,
	    .context = redis,
	};
	redis->stream = stream_open(call->live, &options);
	if (timeout > 0)
		redis->deadline = live_timer_start(call->live, timeout, redis_late, redis);
	call->cancel = redis_cancel;
	return redis;
}

/* ---- the rows ---- */

static const struct redis_layout ping_layout = PLACE_AT(0), one_layout = PLACE_AT(1),
				 set_layout = PLACE_AT(3);

static void ping_answer(struct redis_call *redis, struct value reply)
{
	int64_t time = live_now(redis->call->live) - redis->asked;

	if (strcmp(value_text_peek(reply), "PONG") != 0) {
		end_unlike(redis, "PONG");
		return;
	}
	quiet(redis);
	call_ok(redis->call, value_duration(time));
}

static void ping_start(struct effect_call *call)
{
	redis_begin(call, &ping_layout, words_of("PING", value_null(), value_null()), ping_answer);
}

static void any_answer(struct redis_call *redis, struct value reply)
{
	quiet(redis);
	call_ok(redis->call, value_copy(reply));
}

static void get_answer(struct redis_call *redis, struct value reply)
{
	if (reply.tag != VALUE_STRING && reply.tag != VALUE_NULL)
		end_unlike(redis, "a text");
	else
		any_answer(redis, reply);
}

static void get_start(struct effect_call *call)
{
	redis_begin(call, &one_layout, words_of("GET", value_copy(call_arg(call, 0)), value_null()),
		    get_answer);
}

static void ok_answer(struct redis_call *redis, struct value reply)
{
	if (strcmp(value_text_peek(reply), "OK") != 0) {
		end_unlike(redis, "OK");
		return;
	}
	quiet(redis);
	call_ok(redis->call, value_null());
}

static struct value set_words(const struct value *args)
{
	struct value words = words_of("SET", value_copy(args[0]), value_copy(args[1]));

	if (args[2].tag == VALUE_DURATION) {
		list_push(&words, value_string("PX"));
		list_push(&words, value_string_printf("%lld", (long long)(args[2].i / MS)));
	}
	return words;
}

static void set_start(struct effect_call *call)
{
	struct value ttl = call_arg(call, 2);

	if (ttl.tag == VALUE_DURATION && ttl.i < MS)
		call_failed(call, "redis.set: ttl is at least a millisecond");
	else
		redis_begin(call, &set_layout, set_words(call->args), ok_answer);
}

static void count_answer(struct redis_call *redis, struct value reply)
{
	if (reply.tag != VALUE_INT) {
		end_unlike(redis, "a number");
		return;
	}
	quiet(redis);
	call_ok(redis->call, value_null());
}

static void delete_start(struct effect_call *call)
{
	redis_begin(call, &one_layout, words_of("DEL", value_copy(call_arg(call, 0)), value_null()),
		    count_answer);
}

/* A number where it reads back as it was written, so that identifiers stay what they are. */
static struct value info_value(const char *text, size_t length)
{
	char copy[32], back[32], *end;
	long long number;

	if (length == 0 || length >= sizeof copy)
		return value_string_n(text, length);
	snprintf(copy, sizeof copy, "%.*s", (int)length, text);
	number = strtoll(copy, &end, 10);
	snprintf(back, sizeof back, "%lld", number);
	if (strcmp(copy, back) == 0)
		return value_int(number);
	if (strspn(copy, "-0123456789.") == length && strchr(copy, '.') == strrchr(copy, '.') &&
	    isdigit((unsigned char)copy[length - 1]) && copy[0] != '.') {
		double f = strtod(copy, &end);

		if (*end == '\0' && strchr(copy, '.') != NULL)
			return value_float(f);
	}
	return value_string_n(text, length);
}

/* "keys=1,expires=0,avg_ttl=0" as a record; anything else as info_value(). */
static struct value info_field(const char *text, size_t length)
{
	struct value record = record_new(4);
	const char *end = text + length, *at = text;

	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at)), *equals;

		comma = comma == NULL ? end : comma;
		equals = memchr(at, '=', (size_t)(comma - at));
		if (equals == NULL || equals == at) {
			value_release(record);
			return info_value(text, length);
		}
		record_set_n(&record, at, (size_t)(equals - at),
			     info_value(equals + 1, (size_t)(comma - equals - 1)));
		at = comma + 1;
	}
	if (length > 0)
		return record;
	value_release(record);
	return value_string("");
}

static void info_answer(struct redis_call *redis, struct value reply)
{
	struct value record = record_new(64);
	const char *at = value_text_peek(reply);

	if (reply.tag != VALUE_STRING) {
		value_release(record);
		end_unlike(redis, "a text");
		return;
	}
	while (*at != '\0') {
		size_t line = strcspn(at, "\r\n"), name = strcspn(at, ":\r\n");

		if (*at != '#' && name > 0 && name < line)
			record_set_n(&record, at, name, info_field(at + name + 1, line - name - 1));
		at += line;
		at += strspn(at, "\r\n");
	}
	quiet(redis);
	call_ok(redis->call, record);
}

static void info_start(struct effect_call *call)
{
	redis_begin(call, &one_layout, words_of("INFO", value_copy(call_arg(call, 0)), value_null()),
		    info_answer);
}

static struct value command_words(struct value given)
{
	return given.tag == VALUE_LIST ? value_copy(given) : list_new(0);
}

static void command_start(struct effect_call *call)
{
	redis_begin(call, &one_layout, command_words(call_arg(call, 0)), any_answer);
}

/* What changes nothing although the server's table does not say so: these look at the server, not at keys. */
static bool looks_at_server(struct value words)
{
	static const char *const alone[] = {"PING", "ECHO", "TIME", "INFO", "ROLE", "LASTSAVE", "COMMAND"};
	static const char *const pairs[] = {
	    "CONFIG GET",      "CLIENT LIST",	    "CLIENT INFO",	"CLUSTER INFO",	   "CLUSTER NODES",
	    "CLUSTER SLOTS",   "CLUSTER SHARDS",    "SLOWLOG GET",	"SLOWLOG LEN",	   "LATENCY LATEST",
	    "LATENCY HISTORY", "ACL WHOAMI",	    "ACL LIST",		"ACL GETUSER",	   "MEMORY STATS",
	    "MEMORY DOCTOR",   "MODULE LIST",	    "PUBSUB NUMSUB",	"PUBSUB CHANNELS", "SENTINEL MASTERS",
	    "SENTINEL MASTER", "SENTINEL REPLICAS", "SENTINEL CKQUORUM"};
	char pair[60];

	for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
		if (strcasecmp(value_text_peek(list_peek(words, 0)), alone[i]) == 0)
			return true;
	snprintf(pair, sizeof pair, "%.20s %.20s", value_text_peek(list_peek(words, 0)),
		 value_text_peek(list_peek(words, 1)));
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (strcasecmp(pair, pairs[i]) == 0)
			return true;
	return false;
}

static void query_start(struct effect_call *call)
{
	struct redis_call *redis =
	    redis_begin(call, &one_layout, command_words(call_arg(call, 0)), any_answer);

	if (redis != NULL)
		redis->looks_up = !looks_at_server(redis->words);
}

/* ---- without the world ---- */

static struct value describe_words(const struct effect_request *request, struct value words,
				   const struct redis_layout *layout)
{
	struct value shown = url_shown(request->args[layout->url]);
	struct buffer line = {0};

	words_add_list(&line, words);
	buffer_printf(&line, "  (%s)", value_text_peek(shown));
	value_release(shown);
	value_release(words);
	return buffer_finish(&line);
}

static struct value ping_describe(const struct effect_request *request)
{
	return describe_words(request, words_of("PING", value_null(), value_null()), &ping_layout);
}

static struct value get_describe(const struct effect_request *request)
{
	return describe_words(request, words_of("GET", value_copy(request->args[0]), value_null()),
			      &one_layout);
}

static struct value set_describe(const struct effect_request *request)
{
	return describe_words(request, set_words(request->args), &set_layout);
}

static struct value delete_describe(const struct effect_request *request)
{
	return describe_words(request, words_of("DEL", value_copy(request->args[0]), value_null()),
			      &one_layout);
}

static struct value info_describe(const struct effect_request *request)
{
	return describe_words(request, words_of("INFO", value_copy(request->args[0]), value_null()),
			      &one_layout);
}

static struct value command_describe(const struct effect_request *request)
{
	return describe_words(request, command_words(request->args[0]), &one_layout);
}

static struct value command_simulate(const struct effect_request *request)
{
	(void)request;
	return value_unknown();
}

/* ---- the table ---- */

#define PLACE_DETAILS                                                                                        \
	"`url` is `redis://user:password@host:port/database`, `rediss://` for TLS with the certificate "     \
	"checked against the system's authorities or those in the file `ca` (`insecure: true` takes any). "  \
	"`password` stands for the URL's, so that only it need be a secret."

#define BAD_INPUT                                                                                            \
	"No answer (refused, timed out, cut off, larger than 4MiB) and an error of the server, which the "   \
	"message tells and whose first word is `detail.code`, fail the call"

static const struct builtin redis_rows[] = {
    {.name = "redis.ping",
     .signature = "(" PLACE ") -> duration",
     .summary = "Ask a Redis server whether it is there; the answer is the time it took.",
     .details = PLACE_DETAILS,
     .example = "redis.ping(timeout: 1s)",
     .bad_input = BAD_INPUT ".",
     .effect = EFFECT_READ,
     .start = ping_start,
     .describe = ping_describe},
    {.name = "redis.get",
     .signature = "(key: string, " PLACE ") -> string | null",
     .summary = "The text under a key, byte for byte; null where there is none.",
     .details = PLACE_DETAILS,
     .example = "redis.get(\"feature:new-checkout\", url: \"redis://127.0.0.1:6379/1\")",
     .bad_input = BAD_INPUT "; so does a key that holds something other than a text.",
     .effect = EFFECT_READ,
     .start = get_start,
     .describe = get_describe},
    {.name = "redis.set",
     .signature = "(key: string, value: secret string, ttl: duration = null, " PLACE ")",
     .summary = "Put a text under a key, in place of what was there.",
     .details =
	 "It stays for `ttl`, or until it is deleted: without `ttl` an older bound is taken away, too. "
	 "An interrupted one is done again. " PLACE_DETAILS,
     .example = "redis.set(\"feature:new-checkout\", \"off\")",
     .bad_input = BAD_INPUT "; where it was sent and no answer came, it is unknown whether it happened.",
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = set_start,
     .describe = set_describe},
    {.name = "redis.delete",
     .signature = "(key: string, " PLACE ")",
     .summary = "Delete a key and what it holds; one that is not there is no failure.",
     .details = "An interrupted one is done again. " PLACE_DETAILS,
     .example = "redis.delete(\"feature:new-checkout\")",
     .bad_input = BAD_INPUT "; where it was sent and no answer came, it is unknown whether it happened.",
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = delete_start,
     .describe = delete_describe},
    {.name = "redis.info",
     .signature = "(section: string = null, " PLACE ") -> record",
     .summary = "What the server says of itself: memory, clients, replication, keys.",
     .details = "Numbers are numbers, and a line such as `db0:keys=1,expires=0` is a record: "
		"`redis.info(\"memory\").used_memory`, `redis.info().db0.keys`. " PLACE_DETAILS,
     .example = "redis.info(\"replication\").role",
     .bad_input = BAD_INPUT ".",
     .effect = EFFECT_READ,
     .start = info_start,
     .describe = info_describe},
    {.name = "redis.query",
     .signature = "(command: secret list(string), " PLACE ") -> any",
     .summary = "The answer to a command that changes nothing.",
     .details = "The server is asked first whether the command only reads (`COMMAND INFO`); one that does "
		"more is refused before it is sent. Text is a string, a number an int, nil null, an array a "
		"list. " PLACE_DETAILS,
     .example = "redis.query([\"LLEN\", \"celery\"])",
     .bad_input = BAD_INPUT "; so do a command that may change something and one that does not exist.",
     .effect = EFFECT_READ,
     .start = query_start,
     .describe = command_describe},
    {.name = "redis.command",
     .signature = "(command: secret list(string), " PLACE ") -> any",
     .summary = "Any command, sent once, and its answer.",
     .details =
	 "The words arrive as they are, bytes and all. Text is a string, a number an int, nil null, an "
	 "array a list. Whether an interrupted one happened only a person can know. " PLACE_DETAILS,
     .example = "redis.command([\"EXPIRE\", \"session:7\", \"60\"])",
     .bad_input = BAD_INPUT "; where it was sent and no answer came, it is unknown whether it happened.",
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_ASK,
     .start = command_start,
     .simulate = command_simulate,
     .describe = command_describe},
};

const struct builtin_table redis_table = {
    .name = "redis",
    .summary = "Keys and commands of a Redis server.",
    .rows = redis_rows,
    .row_count = sizeof redis_rows / sizeof *redis_rows,
};
