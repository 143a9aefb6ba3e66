#define _GNU_SOURCE 1 /* O_TMPFILE */
#include "builtins/docker_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builtins/docker_api.h"
#include "builtins/docker_exec.h"
#include "builtins/tar.h"
#include "builtins/words.h"
#include "interp/buffer.h"
#include "interp/json.h"

#define LINE_MAX_BYTES (1024 * 1024) /* of one JSON object in a stream of them */
#define TAIL_LINES     20
#define TAIL_BYTES     (16 * 1024)
#define HUB	       "docker.io"
#define HUB_SERVER     "https://index.docker.io/v1/" /* as the engine's API calls it */

/* ---- names ---- */

/* "host:5000/team/app:v1@sha256:..." in its parts; `last` is where the tag or digest begins, or the end. */
static size_t reference_name_length(const char *image)
{
	const char *slash = strrchr(image, '/'), *digest = strchr(image, '@');
	const char *colon = strchr(slash != NULL && (digest == NULL || slash < digest) ? slash : image, ':');

	if (digest != NULL)
		return (size_t)(digest - image);
	return colon != NULL ? (size_t)(colon - image) : strlen(image);
}

/* The first part names a registry when it looks like a host. */
static struct value reference_registry(const char *image)
{
	size_t length = strcspn(image, "/");

	if (image[length] == '/' &&
	    (memchr(image, '.', length) != NULL || memchr(image, ':', length) != NULL ||
	     (length == 9 && strncmp(image, "localhost", 9) == 0)))
		return value_string_n(image, length);
	return value_string(HUB);
}

static struct value registry_plain(const char *registry)
{
	if (strncmp(registry, "https://", 8) == 0)
		registry += 8;
	else if (strncmp(registry, "http://", 7) == 0)
		registry += 7;
	if (strncmp(registry, "index.docker.io", 15) == 0)
		return value_string(HUB);
	return value_string_n(registry, strcspn(registry, "/"));
}

/* ---- a stream of JSON objects, a line each: pull and build ---- */

struct progress {
	struct buffer line, tail;
	struct value error; /* null, or the engine's own message: a string */
	struct value id;    /* null, or the id of the image that was built: a string */
	bool too_long;
};

static void progress_init(struct progress *progress)
{
	*progress = (struct progress){.error = value_null(), .id = value_null()};
}

static void progress_free(struct progress *progress)
{
	buffer_free(&progress->line);
	buffer_free(&progress->tail);
	value_release(progress->error);
	value_release(progress->id);
}

static void progress_say(struct progress *progress, const char *text)
{
	buffer_add_text(&progress->tail, text);
	if (progress->tail.length > 2 * TAIL_BYTES) {
		memmove(progress->tail.string->bytes,
			progress->tail.string->bytes + progress->tail.length - TAIL_BYTES, TAIL_BYTES);
		buffer_cut(&progress->tail, TAIL_BYTES);
	}
}

static void progress_object(struct progress *progress, struct value object)
{
	struct value message = docker_json(object, "errorDetail.message"), id = docker_json(object, "aux.ID");

	if (message.tag != VALUE_STRING)
		message = record_peek(object, "error");
	if (message.tag == VALUE_STRING) {
		value_clear(&progress->error);
		progress->error = value_copy(message);
	}
	if (id.tag == VALUE_STRING) {
		value_clear(&progress->id);
		progress->id = value_copy(id);
	}
	progress_say(progress, value_text_peek(record_peek(object, "stream")));
	if (record_peek(object, "status").tag == VALUE_STRING &&
	    docker_json(object, "progressDetail.current").tag == VALUE_NULL) {
		progress_say(progress, value_text_peek(record_peek(object, "status")));
		progress_say(progress, "\n");
	}
}

static void progress_line(struct progress *progress)
{
	struct value line = buffer_finish(&progress->line), object;
	char error[160];

	if (!progress->too_long &&
	    value_from_json(value_text_peek(line), value_length(line), &object, error)) {
		if (object.tag == VALUE_RECORD)
			progress_object(progress, object);
		value_release(object);
	}
	progress->too_long = false;
	value_release(line);
}

static void progress_feed(struct progress *progress, const char *bytes, size_t length)
{
	while (length > 0) {
		const char *newline = memchr(bytes, '\n', length);
		size_t part = newline != NULL ? (size_t)(newline - bytes) : length;

		if (progress->line.length + part > LINE_MAX_BYTES)
			progress->too_long = true;
		else
			buffer_add(&progress->line, bytes, part);
		if (newline == NULL)
			return;
		progress_line(progress);
		bytes += part + 1;
		length -= part + 1;
	}
}

static struct value progress_tail(const struct progress *progress)
{
	const struct buffer *tail = &progress->tail;

	return text_tail(tail->length > 0 ? tail->string->bytes : "", tail->length, TAIL_LINES);
}

/* ---- image, image_exists ---- */

static void image_missing_listed(struct effect_call *call, const struct docker_reply *reply)
{
	struct docker_step *step = call->state;
	struct value names = list_new(8), details = record_new(1), hint;

	for (size_t i = 0; reply->ok && i < value_length(reply->json); i++) {
		struct value tags = record_peek(list_peek(reply->json, i), "RepoTags");

		for (size_t j = 0; j < value_length(tags); j++)
			list_push(&names, value_copy(list_peek(tags, j)));
	}
	hint = docker_suggest(names, value_text_peek(step->missing));
	record_set(&details, "status", value_int(404));
	call_failed_with(call, details, "there is no image \"%s\" on the engine%s",
			 value_text_peek(step->missing), value_text_peek(hint));
	value_release(hint);
	value_release(names);
}

void docker_image_missing(struct effect_call *call, const char *image)
{
	struct docker_step *step = call->state;

	value_clear(&step->missing);
	step->missing = value_string(image);
	docker_call_send(call, (struct docker_options){.path = docker_path("/images/json")},
			 image_missing_listed);
}

static struct value image_record(struct value json)
{
	struct value image = record_new(8), created = record_peek(json, "Created");
	struct value size = record_peek(json, "Size"), labels = docker_json(json, "Config.Labels");

	record_set(&image, "id", value_copy(record_peek(json, "Id")));
	record_set(&image, "tags", value_copy(record_peek(json, "RepoTags")));
	record_set(&image, "digests", value_copy(record_peek(json, "RepoDigests")));
	record_set(&image, "created", docker_time(created));
	record_set(&image, "size", value_size(size.tag == VALUE_INT ? size.i : 0));
	record_set(&image, "architecture", value_copy(record_peek(json, "Architecture")));
	record_set(&image, "labels", labels.tag == VALUE_RECORD ? value_copy(labels) : record_new(0));
	return image;
}

static void image_came(struct effect_call *call, const struct docker_reply *reply)
{
	if (reply->status == 404)
		docker_image_missing(call, call_text(call, 0));
	else if (!reply->ok)
		docker_call_end(call, reply, "cannot look at the image \"%s\"", call_text(call, 0));
	else
		call_ok(call, image_record(reply->json));
}

static void image_ask(struct effect_call *call,
		      void (*then)(struct effect_call *call, const struct docker_reply *reply))
{
	if (!docker_image_check(call, call_text(call, 0)))
		return;
	docker_call_begin(call, sizeof(struct docker_step), NULL);
	docker_call_send(
	    call, (struct docker_options){.path = docker_path("/images/%s/json", call_text(call, 0))}, then);
}

void docker_image_start(struct effect_call *call)
{
	image_ask(call, image_came);
}

static void image_exists_came(struct effect_call *call, const struct docker_reply *reply)
{
	if (reply->ok || reply->status == 404)
		call_ok(call, value_bool(reply->ok));
	else
		docker_call_end(call, reply, "cannot look for the image \"%s\"", call_text(call, 0));
}

void docker_image_exists_start(struct effect_call *call)
{
	image_ask(call, image_exists_came);
}

/* ---- tag, rmi ---- */

static void tag_done(struct effect_call *call, const struct docker_reply *reply)
{
	if (reply->ok)
		call_ok(call, value_null());
	else if (reply->status == 404)
		docker_image_missing(call, call_text(call, 0));
	else
		docker_call_end(call, reply, "cannot tag \"%s\" as \"%s\"", call_text(call, 0),
				call_text(call, 1));
}

void docker_tag_start(struct effect_call *call)
{
	const char *image = call_text(call, 0), *as = call_text(call, 1);
	size_t length;

	if (!docker_image_check(call, image) || !docker_image_check(call, as))
		return;
	length = reference_name_length(as);
	if (as[length] == '@') {
		call_failed(call, "\"%s\": a tag cannot hold a digest", as);
		return;
	}
	docker_call_begin(call, sizeof(struct docker_step), NULL);
	struct value repository = value_string_n(as, length);
	docker_call_send(
	    call,
	    (struct docker_options){.method = "POST",
				    .path = docker_path("/images/%s/tag?repo=%s&tag=%s", image,
							value_text_peek(repository),
							as[length] == ':' ? as + length + 1 : "latest")},
	    tag_done);
	value_release(repository);
}

static void rmi_done(struct effect_call *call, const struct docker_reply *reply)
{
	if (reply->ok)
		call_ok(call, value_null());
	else if (reply->status == 404)
		docker_image_missing(call, call_text(call, 0));
	else
		docker_call_end(call, reply, "cannot remove the image \"%s\"", call_text(call, 0));
}

void docker_rmi_start(struct effect_call *call)
{
	if (!docker_image_check(call, call_text(call, 0)))
		return;
	docker_call_begin(call, sizeof(struct docker_step), NULL);
	docker_call_send(
	    call,
	    (struct docker_options){.method = "DELETE",
				    .path = docker_path("/images/%s?force=%d", call_text(call, 0),
							(int64_t)call_bool(call, 1, false))},
	    rmi_done);
}

static void rmi_settled(struct effect_call *call, const struct docker_reply *reply)
{
	if (reply->ok || reply->status == 404)
		call_ok(call, value_bool(!reply->ok));
	else
		docker_call_end(call, reply, "cannot look for the image \"%s\"", call_text(call, 0));
}

void docker_rmi_settle(struct effect_call *call)
{
	image_ask(call, rmi_settled);
}

/* ---- login, pull ---- */

static void login_done(struct effect_call *call, const struct docker_reply *reply)
{
	const char *shown = call_text(call, 0), *message = reply->message;

	if (reply->ok) {
		struct value registry = registry_plain(shown);
		bool hub = strcmp(value_text_peek(registry), HUB) == 0;

		/* A registry may give a token to use from now on in place of the password. */
		docker_auth_set(call->live, value_text_peek(registry), hub ? HUB_SERVER : shown,
				call_text(call, 1), call_text(call, 2),
				value_text_peek(record_peek(reply->json, "IdentityToken")));
		value_release(registry);
		call_ok(call, value_null());
		return;
	}
	struct value secrets = list_new(1), text = value_string(message);
	struct docker_reply hidden = *reply;

	secrets_collect(&secrets, call_arg(call, 2));
	text = text_hide(text, secrets);
	hidden.message = value_text_peek(text);
	docker_call_end(call, &hidden, "cannot log in to %s as %s", shown, call_text(call, 1));
	value_release(text);
	value_release(secrets);
}

void docker_login_start(struct effect_call *call)
{
	struct value body = record_new(3), registry = registry_plain(call_text(call, 0));
	bool hub = strcmp(value_text_peek(registry), HUB) == 0;

	if (value_length(registry) == 0) {
		call_failed(call, "the registry is \"\"");
		value_release(body);
		value_release(registry);
		return;
	}
	record_set(&body, "username", value_copy(call_arg(call, 1)));
	record_set(&body, "password", value_copy(call_arg(call, 2)));
	record_set(&body, "serveraddress", value_string(hub ? HUB_SERVER : call_text(call, 0)));
	docker_call_begin(call, sizeof(struct docker_step), NULL);
	docker_call_send(
	    call, (struct docker_options){.method = "POST", .path = docker_path("/auth"), .body = body},
	    login_done);
	value_release(registry);
}

struct streaming {
	struct docker_step step;
	struct progress progress;
	int64_t began;

	/* build: */
	int fd;		  /* of the context's archive, or -1 */
	char *dockerfile; /* inside the context */
	char *context;
	char error[PATH_MAX + 200];
};

static bool streaming_data(void *context, const char *bytes, size_t length)
{
	progress_feed(&((struct streaming *)context)->progress, bytes, length);
	return true;
}

static void streaming_free(void *state)
{
	struct streaming *streaming = state;

	progress_free(&streaming->progress);
	if (streaming->fd >= 0)
		close(streaming->fd);
	free(streaming->dockerfile);
	free(streaming->context);
	docker_call_state_free(state);
}

static struct streaming *streaming_begin(struct effect_call *call)
{
	struct streaming *streaming = docker_call_begin(call, sizeof *streaming, streaming_free);

	progress_init(&streaming->progress);
	streaming->fd = -1;
	streaming->began = live_now(call->live);
	return streaming;
}

/* An error in the stream of an answer of 200. */
static void streaming_fail(struct effect_call *call, const char *what, const char *name)
{
	struct streaming *streaming = call->state;
	struct value details = record_new(2), first = text_tail(value_text_peek(streaming->progress.error),
								value_length(streaming->progress.error), 1);

	record_set(&details, "message", value_copy(streaming->progress.error));
	record_set(&details, "tail", progress_tail(&streaming->progress));
	call_failed_with(call, details, "cannot %s \"%s\": %s", what, name, value_text_peek(first));
	value_release(first);
}

static void pull_looked(struct effect_call *call, const struct docker_reply *reply)
{
	if (reply->ok)
		call_ok(call, image_record(reply->json));
	else
		docker_call_end(call, reply, "\"%s\" was pulled, and is not there", call_text(call, 0));
}

static void pull_done(struct effect_call *call, const struct docker_reply *reply)
{
	struct streaming *streaming = call->state;
	const char *image = call_text(call, 0);

	progress_line(&streaming->progress); /* one without a newline at its end */
	if (!reply->ok)
		docker_call_end(call, reply, "cannot pull \"%s\"", image);
	else if (streaming->progress.error.tag == VALUE_STRING)
		streaming_fail(call, "pull", image);
	else
		docker_call_send(call, (struct docker_options){.path = docker_path("/images/%s/json", image)},
				 pull_looked);
}

void docker_pull_start(struct effect_call *call)
{
	const char *image = call_text(call, 0), *auth;
	struct value name, registry, header = value_null();
	size_t length;

	if (!docker_image_check(call, image))
		return;
	length = reference_name_length(image);
	name = value_string_n(image, length);
	registry = reference_registry(image);
	auth = docker_auth_peek(call->live, value_text_peek(registry));
	if (auth != NULL)
		header = value_string_printf("X-Registry-Auth: %s", auth);
	streaming_begin(call);
	docker_call_send(call,
			 (struct docker_options){
			     .method = "POST",
			     .path = docker_path("/images/create?fromImage=%s&tag=%s", value_text_peek(name),
						 image[length] != '\0' ? image + length + 1 : "latest"),
			     .header = auth != NULL ? value_text_peek(header) : NULL,
			     .timeout_ns = call_int(call, 1, 10 * DOCKER_TIMEOUT),
			     .on_data = streaming_data},
			 pull_done);
	value_release(header);
	value_release(registry);
	value_release(name);
}

/* ---- build ---- */

enum {
	BUILD_CONTEXT,
	BUILD_TAG,
	BUILD_DOCKERFILE,
	BUILD_ARGS,
	BUILD_TARGET,
	BUILD_NO_CACHE,
	BUILD_PULL,
	BUILD_TIMEOUT
};

/* An open file that has no name: it is gone with its descriptor. */
static int temporary_file(void)
{
	const char *directory = getenv("TMPDIR");
	int fd;

	if (directory == NULL || *directory == '\0')
		directory = "/tmp";
	fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		struct value name = value_string_printf("%s/runplan-context-XXXXXX", directory);

		fd = mkostemp(name.string->bytes, O_CLOEXEC);
		if (fd >= 0)
			unlink(name.string->bytes);
		value_release(name);
	}
	return fd;
}

/* On a thread: the context's archive into a temporary file. Leaves fd at -1 with a message where it fails. */
static void context_pack(void *context)
{
	struct streaming *build = context;
	const char *always[] = {build->dockerfile, ".dockerignore", NULL};
	struct tar_rules *rules;
	struct value dockerfile = value_string_printf("%s/%s", build->context, build->dockerfile);
	struct stat stat_;
	FILE *out = NULL;
	int fd = -1;
	bool good = false;

	if (stat(build->context, &stat_) != 0)
		snprintf(build->error, sizeof build->error, "cannot read the context %s: %s", build->context,
			 strerror(errno));
	else if (!S_ISDIR(stat_.st_mode))
		snprintf(build->error, sizeof build->error, "the context %s is not a directory",
			 build->context);
	else if (stat(value_text_peek(dockerfile), &stat_) != 0)
		snprintf(build->error, sizeof build->error, "there is no %s in the context %s",
			 build->dockerfile, build->context);
	else if ((rules = tar_rules_read(build->context, build->error, sizeof build->error)) != NULL) {
		fd = temporary_file();
		out = fd >= 0 ? fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 0), "w") : NULL;
		if (out == NULL)
			snprintf(build->error, sizeof build->error, "cannot make a temporary file: %s",
				 strerror(errno));
		else
			good =
			    tar_write(build->context, rules, always, out, build->error, sizeof build->error);
		if (out != NULL)
			fclose(out);
		tar_rules_free(rules);
	}
	if (good && lseek(fd, 0, SEEK_SET) == 0)
		build->fd = fd;
	else if (fd >= 0)
		close(fd);
	value_release(dockerfile);
}

static struct value build_answer(struct effect_call *call, struct value id)
{
	struct streaming *build = call->state;
	struct value answer = record_new(3);

	record_set(&answer, "id", value_copy(id));
	record_set(&answer, "tag", value_copy(call_arg(call, BUILD_TAG)));
	record_set(&answer, "time", value_duration(live_now(call->live) - build->began));
	return answer;
}

static void build_done(struct effect_call *call, const struct docker_reply *reply)
{
	struct streaming *build = call->state;
	const char *context = call_text(call, BUILD_CONTEXT);

	progress_line(&build->progress);
	if (!reply->ok)
		docker_call_end(call, reply, "cannot build \"%s\"", context);
	else if (build->progress.error.tag == VALUE_STRING)
		streaming_fail(call, "build", context);
	else if (build->progress.id.tag != VALUE_STRING)
		call_failed(call, "the engine ended the build of \"%s\" without an image", context);
	else
		call_ok(call, build_answer(call, build->progress.id));
}

static struct value build_path(struct effect_call *call)
{
	struct streaming *build = call->state;
	const char *tag = call_text(call, BUILD_TAG), *target = call_text(call, BUILD_TARGET);
	struct value args = call_arg(call, BUILD_ARGS), texts = record_new(value_length(args)), path;
	struct buffer json = {0};

	for (size_t i = 0; i < value_length(args); i++)
		record_set(&texts, record_key_peek(args, i), value_to_text(record_value_peek(args, i)));
	json_write(&json, texts, JSON_REVEAL);
	struct value text = buffer_finish(&json);
	path = docker_path(
	    "/build?rm=1&forcerm=1&dockerfile=%s&t=%s&target=%s&buildargs=%s&nocache=%d&pull=%d",
	    build->dockerfile, tag == NULL ? "" : tag, target == NULL ? "" : target, value_text_peek(text),
	    (int64_t)call_bool(call, BUILD_NO_CACHE, false), (int64_t)call_bool(call, BUILD_PULL, false));
	value_release(text);
	value_release(texts);
	return path;
}

static void context_packed(void *context)
{
	struct streaming *build = context;
	struct effect_call *call = build->step.call;
	int fd = build->fd;

	if (build->step.cancelled || fd < 0) {
		call_failed(call, "%s",
			    build->step.cancelled ? "docker.build was cancelled before it began"
						  : build->error);
		return;
	}
	build->fd = -1; /* the request closes it */
	docker_call_send(
	    call,
	    (struct docker_options){.method = "POST",
				    .path = build_path(call),
				    .body_fd = fd,
				    .timeout_ns = call_int(call, BUILD_TIMEOUT, 30 * DOCKER_TIMEOUT),
				    .on_data = streaming_data},
	    build_done);
}

void docker_build_start(struct effect_call *call)
{
	const char *dockerfile = call_text(call, BUILD_DOCKERFILE), *tag = call_text(call, BUILD_TAG);
	struct streaming *build;

	if (tag != NULL && !docker_image_check(call, tag))
		return;
	if (dockerfile == NULL)
		dockerfile = "Dockerfile";
	if (*dockerfile == '/' || *dockerfile == '\0' || strstr(dockerfile, "..") != NULL) {
		call_failed(call, "\"%s\" must be a path inside the context", dockerfile);
		return;
	}
	build = streaming_begin(call);
	build->dockerfile = memory_need(strdup(dockerfile));
	build->context = memory_need(strdup(call_text(call, BUILD_CONTEXT)));
	live_work(call->live, context_pack, context_packed, build);
}
