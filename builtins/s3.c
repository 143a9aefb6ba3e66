/*
 * s3.c - s3.*: objects in an S3-compatible store.
 *
 * Requests are signed by libcurl (AWS Signature Version 4); the hash of the payload is ours, since curl 7.88
 * signs without one. An upload is read twice: once on a thread for its hashes, once while it is sent, so a
 * file that changes in between is refused by the server. A download is a .part until its size and hash are
 * right.
 *
 * s3.put writes over no object with another content, and so leaves what was there before as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builtins/http_parts.h"
#include "builtins/lazy.h"
#include "builtins/live.h"
#include "builtins/part.h"
#include "builtins/tables.h"
#include "builtins/xml.h"
#include "interp/buffer.h"

#define NS_PER_S INT64_C(1000000000)
/* SHA-256 of no bytes. */
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
/* The most that S3 takes in one request. */
#define PUT_MAX	 (INT64_C(5) * 1024 * 1024 * 1024)
#define KEY_MAX	 1024
#define PAGE_MAX 1000
#define LIST_MAX 1000000

#define COMMON_SIGNATURE                                                                                     \
	"endpoint: url = null, region: string = \"us-east-1\", access_key: secret string = null, "           \
	"secret_key: secret string = null, session_token: secret string = null, virtual_host: bool = "       \
	"false, "                                                                                            \
	"ca: path = null, timeout: duration = 1h, stall: duration = 30s"

enum { ENDPOINT, REGION, ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, VIRTUAL_HOST, CA, TIMEOUT, STALL };

/* Where a row's arguments stand; -1: it has no such argument. */
struct s3_layout {
	int bucket, key, file, common;
};

static const struct s3_layout put_layout = {.file = 0, .bucket = 1, .key = 2, .common = 4};
static const struct s3_layout get_layout = {.bucket = 0, .key = 1, .file = 2, .common = 3};
static const struct s3_layout object_layout = {.bucket = 0, .key = 1, .file = -1, .common = 2};
static const struct s3_layout list_layout = {.bucket = 0, .key = -1, .file = -1, .common = 3};

enum { PUT_CONTENT_TYPE = 3, LIST_PREFIX = 1, LIST_AT_MOST = 2 };

struct s3_call {
	struct effect_call *call;
	const struct s3_layout *layout;
	struct http_transfer *transfer;
	struct header_lines headers; /* of the request that runs */
	struct value url;
	struct buffer base;   /* scheme, host, and the bucket where it stands in the path */
	struct buffer target; /* "bucket/key", for messages */
	char *sigv4;
	void (*answered)(struct s3_call *s3, const struct http_result *result);
	char error[DISK_ERROR];

	int fd; /* of an upload; -1: none */
	int64_t size;
	char sha256[65], md5[33];

	struct part part; /* of a download */
	bool ok;
	struct value object;	       /* what the headers of an answer told */
	struct value message, details; /* of a failure, while the .part is being removed */

	struct value items, token; /* of a list */
};

static void s3_free(void *state)
{
	struct s3_call *s3 = state;

	if (s3->fd >= 0)
		close(s3->fd);
	part_free(&s3->part);
	header_lines_free(&s3->headers);
	buffer_free(&s3->base);
	buffer_free(&s3->target);
	value_release(s3->url);
	value_release(s3->object);
	value_release(s3->message);
	value_release(s3->details);
	value_release(s3->items);
	value_release(s3->token);
	free(s3->sigv4);
	free(s3);
}

static void s3_cancel(struct effect_call *call)
{
	struct s3_call *s3 = call->state;

	if (s3->transfer != NULL)
		http_cancel(s3->transfer);
}

static size_t common(const struct s3_call *s3, int which)
{
	return (size_t)(s3->layout->common + which);
}

/* ---- what went wrong ---- */

struct s3_error {
	char code[100];
	struct value message;
};

static void error_element(void *context, const char *path, const char *text, size_t length)
{
	struct s3_error *error = context;
	const char *at = strstr(path, "Error/");

	if (at == NULL)
		return;
	if (strcmp(at, "Error/Code") == 0 && error->code[0] == '\0')
		snprintf(error->code, sizeof error->code, "%s", text);
	if (strcmp(at, "Error/Message") == 0 && error->message.tag == VALUE_NULL)
		error->message = text_excerpt(text, length, 500);
}

/* The server's own code and message; "" and an excerpt where the answer has none. */
static struct s3_error error_of(const struct http_result *result)
{
	struct s3_error error = {.message = value_null()};
	char why[200];

	if (result->body_length > 0)
		xml_walk(result->body, result->body_length, error_element, &error, why, sizeof why);
	if (error.code[0] == '\0') {
		value_clear(&error.message);
		error.message = text_excerpt(result->body, result->body_length, 200);
	} else if (error.message.tag == VALUE_NULL) {
		error.message = value_string("");
	}
	return error;
}

/* The server was busy or broken, and may be better soon. */
static bool is_retriable(const struct http_result *result, const char *code)
{
	static const char *const codes[] = {"RequestTimeout", "SlowDown", "ServiceUnavailable",
					    "InternalError", "OperationAborted"};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(code, codes[i]) == 0)
			return true;
	return result->status == 429 || result->status >= 500;
}

/* One line and details about an answer that says no. */
static struct value refusal(const struct http_result *result, struct value *details)
{
	struct s3_error error = error_of(result);
	struct value region = record_peek(result->headers, "x-amz-bucket-region"), line;
	bool retriable = is_retriable(result, error.code), has_message = value_length(error.message) > 0;

	*details = record_new(4);
	record_set(details, "status", value_int(result->status));
	record_set(details, "code", error.code[0] == '\0' ? value_null() : value_string(error.code));
	record_set(details, "message", value_copy(error.message));
	record_set(details, "retriable", value_bool(retriable));
	if (error.code[0] != '\0')
		line = value_string_printf("%s%s%s", error.code, has_message ? ": " : "",
					   value_text_peek(error.message));
	else
		line = value_string_printf("answered %d%s%s", result->status, has_message ? ": " : "",
					   value_text_peek(error.message));
	if (region.tag == VALUE_STRING && result->status != 200 && result->status / 100 == 3) {
		struct value longer = value_string_printf("%s (the bucket is in region %s)",
							  value_text_peek(line), value_text_peek(region));

		value_put(&line, longer);
	}
	if (retriable) {
		struct value longer =
		    value_string_printf("%s (it may work when it is tried again)", value_text_peek(line));

		value_put(&line, longer);
	}
	value_release(error.message);
	return line;
}

/* "s3.put: backups/db.dump" */
static struct value heading(struct s3_call *s3)
{
	return value_string_printf("%s: %s", s3->call->builtin->name, buffer_text(&s3->target));
}

/* Ends the call because of what came, or did not. */
static void s3_failed(struct s3_call *s3, const struct http_result *result)
{
	struct value head = heading(s3), details = value_null(), line;

	if (result->ok)
		line = refusal(result, &details);
	else
		line = value_string(result->error);
	call_failed_with(s3->call, details, "%s: %s", value_text_peek(head), value_text_peek(line));
	value_release(head);
	value_release(line);
}

static void s3_malformed(struct s3_call *s3, const char *what)
{
	call_failed(s3->call, "%s: %s: not an answer of S3: %s", s3->call->builtin->name,
		    buffer_text(&s3->target), what);
}

/* ---- the request ---- */

static void add_encoded(struct buffer *url, const char *bytes, size_t length, bool slashes)
{
	for (size_t at = 0; at < length;) {
		size_t part = slashes ? strcspn(bytes + at, "/") : length;
		struct value encoded;

		http_percent_encode(bytes + at, part, &encoded);
		buffer_add(url, value_text_peek(encoded), value_length(encoded));
		value_release(encoded);
		at += part;
		if (at < length) {
			buffer_add_byte(url, '/');
			at++;
		}
	}
}

static void s3_done(void *context, const struct http_result *result)
{
	struct s3_call *s3 = context;

	s3->transfer = NULL;
	s3->answered(s3, result);
}

struct s3_request {
	const char *method;
	const char *query; /* without the question mark, or NULL */
	const char *hash;  /* of the payload */
	const char *range;
	int body_fd; /* 0: none */
	bool (*on_data)(void *context, const char *bytes, size_t length);
	void (*answered)(struct s3_call *s3, const struct http_result *result);
};

/* The headers of the upload are in s3->headers already. */
static void s3_send(struct s3_call *s3, const struct s3_request *request)
{
	struct effect_call *call = s3->call;
	struct buffer url = {0};
	struct http_options options;
	int key = s3->layout->key;

	buffer_add_text(&url, buffer_text(&s3->base));
	buffer_add_byte(&url, '/');
	if (key >= 0)
		add_encoded(&url, call_text(call, (size_t)key), value_length(call_arg(call, (size_t)key)),
			    true);
	if (request->query != NULL)
		buffer_printf(&url, "?%s", request->query);
	value_put(&s3->url, buffer_finish(&url));
	header_lines_set(&s3->headers, "x-amz-content-sha256", request->hash);
	if (request->range != NULL)
		header_lines_set(&s3->headers, "Range", request->range);
	if (call_text(call, common(s3, SESSION_TOKEN)) != NULL)
		header_lines_set(&s3->headers, "x-amz-security-token",
				 call_text(call, common(s3, SESSION_TOKEN)));
	options = (struct http_options){
	    .method = request->method,
	    .url = value_text_peek(s3->url),
	    .headers = (const char *const *)s3->headers.lines,
	    .body_fd = request->body_fd,
	    .timeout_ns = call_int(call, common(s3, TIMEOUT), 0),
	    .stall_ns = call_int(call, common(s3, STALL), 0),
	    .ca_file = call_text(call, common(s3, CA)),
	    .sigv4 = s3->sigv4,
	    .sigv4_key = call_text(call, common(s3, ACCESS_KEY)),
	    .sigv4_secret = call_text(call, common(s3, SECRET_KEY)),
	    .on_data = request->on_data,
	    .on_done = s3_done,
	    .context = s3,
	};
	s3->answered = request->answered;
	s3->transfer = http_start(call->live, &options);
	header_lines_free(&s3->headers);
	if (call->cancelled)
		http_cancel(s3->transfer);
}

/* A refused HEAD has no words. The same question as a GET has. */
static void why_answered(struct s3_call *s3, const struct http_result *result)
{
	if (result->ok && result->status < 300)
		call_failed(s3->call, "%s: %s: HEAD was refused and GET was not", s3->call->builtin->name,
			    buffer_text(&s3->target));
	else
		s3_failed(s3, result);
}

static void ask_why(struct s3_call *s3,
		    void (*answered)(struct s3_call *s3, const struct http_result *result))
{
	s3_send(s3, &(struct s3_request){
			.method = "GET", .hash = EMPTY_SHA256, .range = "bytes=0-0", .answered = answered});
}

static void ask_head(struct s3_call *s3,
		     void (*answered)(struct s3_call *s3, const struct http_result *result))
{
	s3_send(s3, &(struct s3_request){.method = "HEAD", .hash = EMPTY_SHA256, .answered = answered});
}

/* ---- the arguments ---- */

static bool one_line(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* Letters, digits and what is in `more`; at least one. */
static bool is_word(const char *text, const char *more)
{
	const char *c = text;

	while ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
	       (*c != '\0' && strchr(more, *c) != NULL))
		c++;
	return c > text && *c == '\0';
}

/* What is wrong with the arguments that all rows share; NULL: nothing. */
static const char *common_problem(const struct s3_call *s3, char *error, size_t size)
{
	const struct effect_call *call = s3->call;
	struct value endpoint = call_arg(call, common(s3, ENDPOINT));
	const char *key = call_text(call, common(s3, ACCESS_KEY));
	const char *secret = call_text(call, common(s3, SECRET_KEY));
	const char *token = call_text(call, common(s3, SESSION_TOKEN)), *host;

	if (endpoint.tag == VALUE_NULL)
		return "no endpoint: give `endpoint: \"https://s3.eu-west-1.amazonaws.com\"`, or write it "
		       "once "
		       "for the file: `defaults { s3.endpoint = … }`";
	if (!url_usable(endpoint, error, size))
		return error;
	host = strstr(value_text_peek(endpoint), "://") + 3;
	if (host[strcspn(host, "?#@")] != '\0' ||
	    (strchr(host, '/') != NULL && strchr(host, '/')[strspn(strchr(host, '/'), "/")] != '\0'))
		return "an endpoint is a scheme, a host and perhaps a port: \"https://host:9000\"";
	if (key == NULL || secret == NULL || *key == '\0' || *secret == '\0')
		return "no keys: give `access_key` and `secret_key`, or write them once for the file: "
		       "`defaults { s3.access_key = … }`";
	if (!one_line(key) || strchr(key, '/') != NULL || (token != NULL && !one_line(token)))
		return "an access key or a session token has no line breaks in it, and an access key no `/`";
	if (!is_word(call_text(call, common(s3, REGION)), "-_"))
		return "a region is a word like \"eu-west-1\"";
	if (call_int(call, common(s3, STALL), 1) < 0 || call_int(call, common(s3, TIMEOUT), 1) < 0)
		return "a time is not below 0";
	return NULL;
}

static const char *object_problem(const struct s3_call *s3)
{
	const char *bucket = call_text(s3->call, (size_t)s3->layout->bucket);
	struct value key = s3->layout->key < 0 ? value_null() : call_arg(s3->call, (size_t)s3->layout->key);

	if (strlen(bucket) > 255 || !is_word(bucket, "-_.") || bucket[strspn(bucket, ".")] == '\0')
		return "a bucket's name has letters, digits, `-`, `.` and `_` only";
	if (s3->layout->key < 0)
		return NULL;
	if (value_length(key) == 0 || value_length(key) > KEY_MAX)
		return "a key has 1 to 1024 bytes";
	if (!one_line(value_text_peek(key)) || strlen(value_text_peek(key)) != value_length(key))
		return "a key has no line breaks or control characters in it";
	return NULL;
}

/* The call's state; NULL where the call has ended because of its arguments. */
static struct s3_call *s3_begin(struct effect_call *call, const struct s3_layout *layout)
{
	struct s3_call *s3 = memory_need(calloc(1, sizeof *s3));
	const char *problem, *endpoint, *scheme_end, *bucket;
	size_t length;
	char error[200];

	s3->call = call;
	s3->layout = layout;
	s3->fd = s3->part.fd = -1;
	s3->object = s3->message = s3->details = s3->items = s3->token = s3->url = value_null();
	call->state = s3;
	call->free_state = s3_free;
	problem = common_problem(s3, error, sizeof error);
	if (problem == NULL)
		problem = object_problem(s3);
	if (problem != NULL) {
		call_failed(call, "%s: %s", call->builtin->name, problem);
		return NULL;
	}
	endpoint = call_text(call, common(s3, ENDPOINT));
	bucket = call_text(call, (size_t)layout->bucket);
	scheme_end = strstr(endpoint, "://") + 3;
	length = strcspn(scheme_end, "/");
	buffer_add(&s3->base, endpoint, (size_t)(scheme_end - endpoint));
	if (call_bool(call, common(s3, VIRTUAL_HOST), false))
		buffer_printf(&s3->base, "%s.%.*s", bucket, (int)length, scheme_end);
	else
		buffer_printf(&s3->base, "%.*s/%s", (int)length, scheme_end, bucket);
	buffer_add_text(&s3->target, bucket);
	if (layout->key >= 0)
		buffer_printf(&s3->target, "/%s", call_text(call, (size_t)layout->key));
	if (asprintf(&s3->sigv4, "aws:amz:%s:s3", call_text(call, common(s3, REGION))) < 0)
		memory_need(NULL);
	call->cancel = s3_cancel;
	return s3;
}

/* ---- an object ---- */

static struct value plain_etag(const char *text, size_t length)
{
	bool quoted = length >= 2 && text[0] == '"' && text[length - 1] == '"';

	return quoted ? value_string_n(text + 1, length - 2) : value_string_n(text, length);
}

static struct value object_new(const char *bucket, struct value key, struct value size, struct value etag,
			       struct value sha256, struct value modified)
{
	struct value object = record_new(6);

	record_set(&object, "bucket", value_string(bucket));
	record_set(&object, "key", key);
	record_set(&object, "size", size);
	record_set(&object, "etag", etag);
	record_set(&object, "sha256", sha256);
	record_set(&object, "modified", modified);
	return object;
}

/* "Mon, 23 Nov 2026 07:19:16 GMT" */
static struct value http_time(struct value text)
{
	char error[200];
	const struct curl_api *curl = curl_load(error, sizeof error);
	time_t when =
	    text.tag == VALUE_STRING && curl != NULL ? curl->getdate(value_text_peek(text), NULL) : -1;

	return when < 0 ? value_null() : value_time((int64_t)when * NS_PER_S);
}

/* What the headers of a HEAD or a GET tell. */
static struct value object_of(struct s3_call *s3, const struct http_result *result)
{
	struct value etag = record_peek(result->headers, "etag"),
		     sha256 = record_peek(result->headers, "x-amz-meta-sha256");
	const char *length = value_text_peek(record_peek(result->headers, "content-length"));

	return object_new(call_text(s3->call, (size_t)s3->layout->bucket),
			  value_copy(call_arg(s3->call, (size_t)s3->layout->key)),
			  value_size(strtoll(length, NULL, 10)),
			  plain_etag(value_text_peek(etag), value_length(etag)),
			  sha256.tag == VALUE_STRING ? value_copy(sha256) : value_null(),
			  http_time(record_peek(result->headers, "last-modified")));
}

static bool holds(struct value object, int64_t size, const char *sha256)
{
	return record_peek(object, "size").i == size &&
	       strcasecmp(value_text_peek(record_peek(object, "sha256")), sha256) == 0;
}

/* ---- s3.put ---- */

static void put_verified(struct s3_call *s3, const struct http_result *result)
{
	if (!result->ok) {
		call_unknown(s3->call, "s3.put: %s: sent, and not verified: %s", buffer_text(&s3->target),
			     result->error);
		return;
	}
	if (result->status != 200) {
		call_unknown(s3->call, "s3.put: %s: sent, and not verified: HEAD answered %d",
			     buffer_text(&s3->target), result->status);
		return;
	}
	value_put(&s3->object, object_of(s3, result));
	if (holds(s3->object, s3->size, s3->sha256))
		call_ok(s3->call, value_copy(s3->object));
	else
		call_failed_with(s3->call, value_copy(s3->object),
				 "s3.put: %s: what the store holds now is not what was sent",
				 buffer_text(&s3->target));
}

/* The ETag of a plain upload is the MD5 of what came; of an encrypted one it is not. */
static bool etag_denies(const struct s3_call *s3, const struct http_result *result)
{
	struct value etag = record_peek(result->headers, "etag");
	struct value plain = plain_etag(value_text_peek(etag), value_length(etag));
	const char *text = value_text_peek(plain);
	bool is_md5 = strlen(text) == 32 && strspn(text, "0123456789abcdefABCDEF") == 32;
	bool encrypted =
	    record_has(result->headers, "x-amz-server-side-encryption-customer-algorithm") ||
	    strncmp(value_text_peek(record_peek(result->headers, "x-amz-server-side-encryption")), "aws:kms",
		    7) == 0;
	bool denies = is_md5 && !encrypted && strcasecmp(text, s3->md5) != 0;

	value_release(plain);
	return denies;
}

/* Had all of the file gone to curl when the transfer ended? If not, no server can have it whole. */
static bool all_read(const struct s3_call *s3)
{
	return lseek(s3->fd, 0, SEEK_CUR) >= s3->size;
}

static void put_answered(struct s3_call *s3, const struct http_result *result)
{
	if (!result->ok && result->sent && result->status < 200 && all_read(s3))
		call_unknown(s3->call, "s3.put: %s: %s; the store may have it", buffer_text(&s3->target),
			     result->error);
	else if (!result->ok || result->status / 100 != 2)
		s3_failed(s3, result);
	else if (etag_denies(s3, result))
		call_failed(s3->call, "s3.put: %s: the store's checksum is not that of the file",
			    buffer_text(&s3->target));
	else
		ask_head(s3, put_verified);
}

/* As "Content-MD5" wants it. */
static struct value md5_base64(const char *hex)
{
	struct buffer text = {0};
	char bytes[16];

	for (int i = 0; i < 16; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		bytes[i] = (char)strtoul(pair, NULL, 16);
	}
	base64_add(&text, bytes, sizeof bytes);
	return buffer_finish(&text);
}

/* The intent is on record. */
static void put_noted(struct effect_call *call)
{
	struct s3_call *s3 = call->state;
	const char *type = call_text(call, PUT_CONTENT_TYPE);
	struct value md5;
	int fd = call->cancelled ? -1 : dup(s3->fd);

	if (call->cancelled) {
		call_failed(call, "s3.put: %s: cancelled before anything was sent", buffer_text(&s3->target));
		return;
	}
	if (fd < 0 || lseek(s3->fd, 0, SEEK_SET) != 0) {
		call_failed(call, "s3.put: %s", strerror(errno));
		return;
	}
	md5 = md5_base64(s3->md5);
	header_lines_set(&s3->headers, "Content-MD5", value_text_peek(md5));
	value_release(md5);
	header_lines_set(&s3->headers, "x-amz-meta-sha256", s3->sha256);
	header_lines_set(&s3->headers, "Content-Type", type);
	s3_send(s3, &(struct s3_request){
			.method = "PUT", .hash = s3->sha256, .body_fd = fd, .answered = put_answered});
}

static void put_looked(struct s3_call *s3, const struct http_result *result)
{
	struct value note;

	if (!result->ok) {
		s3_failed(s3, result);
	} else if (result->status == 404) {
		note = record_new(2);
		record_set(&note, "size", value_size(s3->size));
		record_set(&note, "sha256", value_string(s3->sha256));
		call_note(s3->call, note, put_noted);
	} else if (result->status != 200) {
		ask_why(s3, why_answered);
	} else {
		value_put(&s3->object, object_of(s3, result));
		if (holds(s3->object, s3->size, s3->sha256))
			call_ok(s3->call, value_copy(s3->object));
		else
			call_failed_with(
			    s3->call, value_copy(s3->object),
			    "s3.put: %s is there already, with other content: s3.put writes over "
			    "no object",
			    buffer_text(&s3->target));
	}
}

/* On a thread. */
static void put_read(void *context)
{
	struct s3_call *s3 = context;
	const char *path = call_text(s3->call, (size_t)s3->layout->file);
	struct stat file;
	char why[200], limit[48];

	s3->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (s3->fd < 0 || fstat(s3->fd, &file) != 0) {
		disk_failed("read", path, errno, s3->error);
	} else if (!S_ISREG(file.st_mode)) {
		snprintf(s3->error, sizeof s3->error, "cannot read %.300s: it is no regular file", path);
	} else if (file.st_size > PUT_MAX) {
		snprintf(s3->error, sizeof s3->error,
			 "%.300s is larger than %s, the most that a store takes in one request", path,
			 size_text(PUT_MAX, limit));
	} else if (!digest_fd(s3->fd, s3->sha256, s3->md5, why, sizeof why)) {
		snprintf(s3->error, sizeof s3->error, "cannot read %.200s: %.150s", path, why);
	} else {
		s3->size = lseek(s3->fd, 0, SEEK_CUR);
		s3->ok = true;
	}
}

static void put_prepared(void *context)
{
	struct s3_call *s3 = context;

	if (!s3->ok)
		call_failed(s3->call, "s3.put: %s", s3->error);
	else if (s3->call->cancelled)
		call_failed(s3->call, "s3.put: cancelled before anything was sent");
	else
		ask_head(s3, put_looked);
}

static void s3_put_start(struct effect_call *call)
{
	struct s3_call *s3 = s3_begin(call, &put_layout);
	const char *type = call_text(call, PUT_CONTENT_TYPE);

	if (s3 == NULL)
		return;
	if (!one_line(type) || *type == '\0')
		call_failed(call, "s3.put: a content type has no line breaks in it");
	else
		live_work(call->live, put_read, put_prepared, s3);
}

static void put_probed(struct s3_call *s3, const struct http_result *result)
{
	struct value size = record_peek(s3->call->intent, "size");

	if (!result->ok || (result->status != 200 && result->status != 404)) {
		call_unknown(s3->call, "s3.put: %s: the store does not tell whether it is there",
			     buffer_text(&s3->target));
		return;
	}
	if (result->status == 404) {
		call_ok(s3->call, value_bool(false));
		return;
	}
	value_put(&s3->object, object_of(s3, result));
	if (size.tag == VALUE_SIZE &&
	    holds(s3->object, size.i, value_text_peek(record_peek(s3->call->intent, "sha256"))))
		call_ok(s3->call, value_bool(true));
	else
		call_ok(s3->call, value_null());
}

/* Where nothing was noted, nothing was sent. */
static void s3_put_probe(struct effect_call *call)
{
	struct s3_call *s3;

	if (record_peek(call->intent, "sha256").tag != VALUE_STRING) {
		call_ok(call, value_bool(false));
		return;
	}
	s3 = s3_begin(call, &put_layout);
	if (s3 != NULL)
		ask_head(s3, put_probed);
}

/* ---- s3.get ---- */

static void get_drop(void *context)
{
	part_drop(&((struct s3_call *)context)->part);
}

static void get_dropped(void *context)
{
	struct s3_call *s3 = context;
	struct value head = heading(s3);

	call_failed_with(s3->call, value_copy(s3->details), "%s: %s", value_text_peek(head),
			 value_text_peek(s3->message));
	value_release(head);
}

/* Consumes the message. The call ends when the .part is gone. */
static void get_abandon(struct s3_call *s3, struct value message)
{
	value_put(&s3->message, message);
	live_work(s3->call->live, get_drop, get_dropped, s3);
}

/* On a thread. */
static void get_check(void *context)
{
	struct s3_call *s3 = context;
	struct value sha256 = record_peek(s3->object, "sha256");

	if (!part_digest(&s3->part))
		return;
	if (sha256.tag == VALUE_STRING && strcasecmp(value_text_peek(sha256), s3->part.sha256) != 0)
		snprintf(s3->part.error, sizeof s3->part.error,
			 "what came has not the SHA-256 that was put on record with it");
	else
		s3->ok = part_name(&s3->part);
}

static void get_checked(void *context)
{
	struct s3_call *s3 = context;
	struct value answer;

	if (!s3->ok) {
		get_abandon(s3, value_string(s3->part.error));
		return;
	}
	answer = record_new(4);
	record_set(&answer, "path", value_string(s3->part.path));
	record_set(&answer, "size", value_size(s3->part.size));
	record_set(&answer, "sha256", value_string(s3->part.sha256));
	record_set(&answer, "object", value_copy(s3->object));
	call_ok(s3->call, answer);
}

static bool get_data(void *context, const char *bytes, size_t length)
{
	struct s3_call *s3 = context;

	if (disk_write_all(s3->part.fd, bytes, length))
		return true;
	return disk_failed("write", s3->part.name, errno, s3->part.error);
}

static void get_answered(struct s3_call *s3, const struct http_result *result)
{
	struct value details = value_null(), message;

	if (s3->part.error[0] != '\0')
		message = value_string(s3->part.error);
	else if (!result->ok)
		message = value_string(result->error);
	else if (result->status != 200)
		message = refusal(result, &details);
	else
		message = value_null();
	if (message.tag == VALUE_STRING) {
		value_put(&s3->details, details);
		get_abandon(s3, message);
		return;
	}
	s3->ok = false;
	value_put(&s3->object, object_of(s3, result));
	live_work(s3->call->live, get_check, get_checked, s3);
}

static void get_open(void *context)
{
	struct s3_call *s3 = context;

	s3->ok = part_open(&s3->part);
}

static void get_opened(void *context)
{
	struct s3_call *s3 = context;

	if (!s3->ok)
		get_abandon(s3, value_string(s3->part.error));
	else if (s3->call->cancelled)
		get_abandon(s3, value_string("cancelled"));
	else
		s3_send(s3, &(struct s3_request){.method = "GET",
						 .hash = EMPTY_SHA256,
						 .on_data = get_data,
						 .answered = get_answered});
}

static void s3_get_start(struct effect_call *call)
{
	size_t path = (size_t)get_layout.file;
	struct s3_call *s3 = part_path_fits(call, path) ? s3_begin(call, &get_layout) : NULL;

	if (s3 == NULL)
		return;
	part_init(&s3->part, "s3.get", call_text(call, path));
	live_work(call->live, get_open, get_opened, s3);
}

static void s3_get_probe(struct effect_call *call)
{
	part_probe(call, (size_t)get_layout.file);
}

/* ---- s3.head ---- */

/* There is no such object, or no such bucket: only a GET tells. */
static void head_why(struct s3_call *s3, const struct http_result *result)
{
	struct s3_error error = error_of(result);

	if (result->ok && strcmp(error.code, "NoSuchKey") == 0)
		call_ok(s3->call, value_null());
	else
		why_answered(s3, result);
	value_release(error.message);
}

static void head_answered(struct s3_call *s3, const struct http_result *result)
{
	if (!result->ok)
		s3_failed(s3, result);
	else if (result->status == 404)
		ask_why(s3, head_why);
	else if (result->status != 200)
		ask_why(s3, why_answered);
	else
		call_ok(s3->call, object_of(s3, result));
}

static void s3_head_start(struct effect_call *call)
{
	struct s3_call *s3 = s3_begin(call, &object_layout);

	if (s3 != NULL)
		ask_head(s3, head_answered);
}

/* ---- s3.remove ---- */

static void removed(struct s3_call *s3, const struct http_result *result)
{
	struct s3_error error = {.message = value_null()};

	if (result->ok)
		error = error_of(result);
	if (!result->ok && result->sent)
		call_unknown(s3->call, "s3.remove: %s: %s; it may be gone", buffer_text(&s3->target),
			     result->error);
	else if (result->ok && (result->status / 100 == 2 || strcmp(error.code, "NoSuchKey") == 0))
		call_ok(s3->call, value_null());
	else
		s3_failed(s3, result);
	value_release(error.message);
}

static void s3_remove_start(struct effect_call *call)
{
	struct s3_call *s3 = s3_begin(call, &object_layout);

	if (s3 != NULL)
		s3_send(s3,
			&(struct s3_request){.method = "DELETE", .hash = EMPTY_SHA256, .answered = removed});
}

/* ---- s3.list ---- */

struct s3_page {
	struct s3_call *s3;
	bool is_list, truncated, bad;
	struct value token, key, size, etag, modified; /* of the object that is being read */
	size_t count;
};

static void page_element(void *context, const char *path, const char *text, size_t length)
{
	struct s3_page *page = context;
	const char *name = path + strcspn(path, "/");
	char *end;

	page->is_list = page->is_list || strcmp(path, "ListBucketResult") == 0;
	if (strcmp(name, "/IsTruncated") == 0) {
		page->truncated = strcmp(text, "true") == 0;
	} else if (strcmp(name, "/NextContinuationToken") == 0) {
		value_put(&page->token, value_string_n(text, length));
	} else if (strcmp(name, "/Contents/Key") == 0) {
		value_put(&page->key, value_string_n(text, length));
	} else if (strcmp(name, "/Contents/Size") == 0) {
		value_put(&page->size, value_size(strtoll(text, &end, 10)));
		page->bad = page->bad || *end != '\0' || length == 0;
	} else if (strcmp(name, "/Contents/ETag") == 0) {
		value_put(&page->etag, plain_etag(text, length));
	} else if (strcmp(name, "/Contents/LastModified") == 0) {
		struct value time = value_string_n(text, length);

		value_put(&page->modified, time_from_rfc3339(time));
		value_release(time);
	} else if (strcmp(name, "/Contents") == 0) {
		struct effect_call *call = page->s3->call;

		page->bad = page->bad || page->key.tag != VALUE_STRING || page->size.tag != VALUE_SIZE;
		list_push(&page->s3->items, object_new(call_text(call, (size_t)list_layout.bucket), page->key,
						       page->size, page->etag, value_null(), page->modified));
		page->key = page->size = page->etag = page->modified = value_null();
		page->count++;
	}
}

static void list_page(struct s3_call *s3);

static void list_answered(struct s3_call *s3, const struct http_result *result)
{
	struct s3_page page = {.s3 = s3,
			       .token = value_null(),
			       .key = value_null(),
			       .size = value_null(),
			       .etag = value_null(),
			       .modified = value_null()};
	int64_t at_most = call_int(s3->call, LIST_AT_MOST, PAGE_MAX);
	char why[200];
	bool good;

	if (!result->ok || result->status != 200) {
		s3_failed(s3, result);
		return;
	}
	good = xml_walk(result->body, result->body_length, page_element, &page, why, sizeof why);
	value_put(&s3->token, page.token);
	value_release(page.key);
	value_release(page.size);
	value_release(page.etag);
	value_release(page.modified);
	if (!good)
		s3_malformed(s3, why);
	else if (!page.is_list || page.bad)
		s3_malformed(s3, "it is no list of objects");
	else if (page.truncated && (page.count == 0 || value_length(s3->token) == 0))
		s3_malformed(s3, "there is more, and no way on");
	else if ((int64_t)value_length(s3->items) > at_most ||
		 (page.truncated && (int64_t)value_length(s3->items) == at_most))
		call_failed(s3->call,
			    "s3.list: %s: more than %lld objects: give a longer prefix, or a larger at_most",
			    buffer_text(&s3->target), (long long)at_most);
	else if (page.truncated)
		list_page(s3);
	else
		call_ok(s3->call, value_copy(s3->items));
}

/* The query is sorted, as the signature wants it. */
static void list_page(struct s3_call *s3)
{
	struct value prefix = call_arg(s3->call, LIST_PREFIX);
	int64_t left = call_int(s3->call, LIST_AT_MOST, PAGE_MAX) - (int64_t)value_length(s3->items);
	struct buffer query = {0};

	if (s3->token.tag == VALUE_STRING) {
		buffer_add_text(&query, "continuation-token=");
		add_encoded(&query, value_text_peek(s3->token), value_length(s3->token), false);
		buffer_add_byte(&query, '&');
	}
	buffer_printf(&query, "list-type=2&max-keys=%d&prefix=", left < PAGE_MAX ? (int)left : PAGE_MAX);
	add_encoded(&query, value_text_peek(prefix), value_length(prefix), false);
	s3_send(s3, &(struct s3_request){.method = "GET",
					 .query = buffer_text(&query),
					 .hash = EMPTY_SHA256,
					 .answered = list_answered});
	buffer_free(&query);
}

static void s3_list_start(struct effect_call *call)
{
	struct s3_call *s3 = s3_begin(call, &list_layout);
	struct value prefix = call_arg(call, LIST_PREFIX);
	int64_t at_most = call_int(call, LIST_AT_MOST, PAGE_MAX);

	if (s3 == NULL)
		return;
	s3->items = list_new(16);
	if (at_most < 1 || at_most > LIST_MAX)
		call_failed(call, "s3.list: at_most is from 1 to %d", LIST_MAX);
	else if (!one_line(value_text_peek(prefix)) ||
		 strlen(value_text_peek(prefix)) != value_length(prefix))
		call_failed(call, "s3.list: a prefix has no line breaks or control characters in it");
	else
		list_page(s3);
}

/* ---- without the world ---- */

static struct value s3_put_simulate(const struct effect_request *request)
{
	return object_new(value_text_peek(request->args[put_layout.bucket]),
			  value_copy(request->args[put_layout.key]), value_unknown(), value_unknown(),
			  value_unknown(), value_unknown());
}

static struct value s3_get_simulate(const struct effect_request *request)
{
	struct value answer = record_new(4);

	record_set(&answer, "path", value_copy(request->args[get_layout.file]));
	record_set(&answer, "size", value_unknown());
	record_set(&answer, "sha256", value_unknown());
	record_set(&answer, "object", value_unknown());
	return answer;
}

/* "PUT https://host/bucket/key < file" */
static struct value describe(const struct effect_request *request, const struct s3_layout *layout,
			     const char *method, const char *arrow)
{
	struct value endpoint = url_shown(request->args[layout->common + ENDPOINT]);
	struct value bucket = value_to_text(request->args[layout->bucket]),
		     key = value_to_text(request->args[layout->key]);
	struct value file = layout->file < 0 ? value_string("") : value_to_text(request->args[layout->file]);
	struct value line = value_string_printf(
	    "%s %s/%s/%s%s%s", method, endpoint.tag == VALUE_STRING ? value_text_peek(endpoint) : "s3:/",
	    value_text_peek(bucket), value_text_peek(key), arrow, value_text_peek(file));

	value_release(endpoint);
	value_release(bucket);
	value_release(key);
	value_release(file);
	return line;
}

static struct value s3_put_describe(const struct effect_request *request)
{
	return describe(request, &put_layout, "PUT", " < ");
}

static struct value s3_get_describe(const struct effect_request *request)
{
	return describe(request, &get_layout, "GET", " > ");
}

static struct value s3_head_describe(const struct effect_request *request)
{
	return describe(request, &object_layout, "HEAD", "");
}

static struct value s3_list_describe(const struct effect_request *request)
{
	static const struct s3_layout prefix_as_key = {
	    .bucket = 0, .key = LIST_PREFIX, .file = -1, .common = 3};

	return describe(request, &prefix_as_key, "GET", "*");
}

static struct value s3_remove_describe(const struct effect_request *request)
{
	return describe(request, &object_layout, "DELETE", "");
}

/* ---- the table ---- */

#define ENDPOINT_DETAILS                                                                                     \
	" Where the store is and the keys to it are given here, or once for the file: `defaults { "          \
	"s3.endpoint = store  s3.access_key = store_key  s3.secret_key = store_secret }`. Requests are "     \
	"signed by AWS Signature Version 4. The bucket stands in the path; with `virtual_host: true` it "    \
	"stands before the host. `stall` ends a transfer in which nothing comes or goes for so long."
#define BAD_INPUT                                                                                            \
	"What the store refuses fails with its own code and message (`NoSuchBucket`, "                       \
	"`SignatureDoesNotMatch`, `AccessDenied`), which are in the details beside `retriable`; so does a "  \
	"store that cannot be reached or stops answering"

static const struct builtin s3_rows[] = {
    {
	.name = "s3.put",
	.signature = "(file: path, bucket: string, key: string, content_type: string = "
		     "\"application/octet-stream\", " COMMON_SIGNATURE ") -> s3_object",
	.summary = "Store a file as an object.",
	.details =
	    "The file is streamed from the disk, 5 GiB at most, with its SHA-256 signed and kept as "
	    "metadata; afterwards the store is asked whether it holds these bytes. An object that is "
	    "there with the same content is left as it is, one with another content fails the call: "
	    "s3.put writes over nothing. An interrupted one is settled by asking for size and SHA-256 of "
	    "the object." ENDPOINT_DETAILS,
	.example = "s3.put(\"/backups/thebot.dump\", \"backups\", \"2026/thebot.dump\", endpoint: "
		   "\"http://127.0.0.1:9000\", access_key: \"key\", secret_key: \"secret\")",
	.bad_input =
	    BAD_INPUT ", a file that cannot be read, and an object that is there with other content.",
	.leaves = "an object",
	.thing = {"object", 1, 2, NULL},
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_PROBE,
	.start = s3_put_start,
	.simulate = s3_put_simulate,
	.describe = s3_put_describe,
	.probe = s3_put_probe,
    },
    {
	.name = "s3.get",
	.signature = "(bucket: string, key: string, to: path, " COMMON_SIGNATURE ") -> s3_file",
	.summary = "Fetch an object into a new file.",
	.details =
	    "Streamed into `PATH.part`, which gets the name when it is whole, on the disk, and has the "
	    "SHA-256 that s3.put stored with it. No file is written over. An interrupted one is settled "
	    "by looking whether the file has its name." ENDPOINT_DETAILS,
	.example = "s3.get(\"backups\", \"2026/thebot.dump\", to: \"/tmp/thebot.dump\", endpoint: "
		   "\"http://127.0.0.1:9000\", access_key: \"key\", secret_key: \"secret\")",
	.bad_input = BAD_INPUT ", an answer that is cut off, and a file that is there already.",
	.leaves = "a file",
	.thing = {"file", 2, 1, "path"},
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_PROBE,
	.start = s3_get_start,
	.simulate = s3_get_simulate,
	.describe = s3_get_describe,
	.probe = s3_get_probe,
    },
    {
	.name = "s3.head",
	.signature = "(bucket: string, key: string, " COMMON_SIGNATURE ") -> s3_object | null",
	.summary = "What a store tells of an object, or null where there is none.",
	.details = "`sha256` is what s3.put stored with it, else null." ENDPOINT_DETAILS,
	.example =
	    "s3.head(\"backups\", \"2026/thebot.dump\", endpoint: \"http://127.0.0.1:9000\", access_key: "
	    "\"key\", secret_key: \"secret\")",
	.bad_input = BAD_INPUT ".",
	.effect = EFFECT_READ,
	.start = s3_head_start,
	.describe = s3_head_describe,
    },
    {
	.name = "s3.list",
	.signature = "(bucket: string, prefix: string = \"\", at_most: int = 1000, " COMMON_SIGNATURE
		     ") -> list(s3_object)",
	.summary = "The objects of a bucket whose keys begin with a prefix, in the order of their keys.",
	.details = "All of them, page by page; more than `at_most` fail the call. A list tells no "
		   "SHA-256." ENDPOINT_DETAILS,
	.example = "count(o.size > 0B for o in s3.list(\"backups\", prefix: \"2026/\", endpoint: "
		   "\"http://127.0.0.1:9000\", access_key: \"key\", secret_key: \"secret\"))",
	.bad_input = BAD_INPUT ", or answers anything but a list.",
	.effect = EFFECT_READ,
	.start = s3_list_start,
	.describe = s3_list_describe,
    },
    {
	.name = "s3.remove",
	.signature = "(bucket: string, key: string, " COMMON_SIGNATURE ")",
	.summary = "Remove an object; one that is not there is no failure.",
	.details = "Unless the store keeps versions, there is no way back." ENDPOINT_DETAILS,
	.example =
	    "s3.remove(\"backups\", \"2025/thebot.dump\", endpoint: \"http://127.0.0.1:9000\", access_key: "
	    "\"key\", secret_key: \"secret\")",
	.bad_input = BAD_INPUT ".",
	.thing = {"object", 0, 2, NULL},
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_REPEAT,
	.start = s3_remove_start,
	.describe = s3_remove_describe,
    },
};

static const struct builtin_type s3_types[] = {
    {"s3_object",
     "{ bucket: string, key: string, size: size, etag: string, sha256: string | null, modified: time | null "
     "}",
     "An object of a store."},
    {"s3_file", "{ path: string, size: size, sha256: string, object: s3_object }",
     "An object that was fetched."},
};

const struct builtin_table s3_table = {
    .name = "s3",
    .summary = "Objects in an S3-compatible store.",
    .rows = s3_rows,
    .row_count = sizeof s3_rows / sizeof *s3_rows,
    .types = s3_types,
    .type_count = sizeof s3_types / sizeof *s3_types,
};
