/* tls.c - tls.*: the certificate that a server shows. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "builtins/live.h"
#include "builtins/resolve.h"
#include "builtins/stream.h"
#include "builtins/tables.h"
#include "interp/buffer.h"

#define NS_PER_S INT64_C(1000000000)
#define DAY_NS	 (INT64_C(86400) * NS_PER_S)

enum { ARG_HOST, ARG_PORT, ARG_SERVER_NAME, ARG_CA, ARG_TIMEOUT };

struct tls_call {
	struct effect_call *call;
	const struct tls_api *tls;
	struct stream *stream;
	struct live_timer *deadline;
};

static void tls_free(void *state)
{
	struct tls_call *tls = state;

	stream_close(tls->stream);
	live_timer_stop(tls->deadline);
	free(tls);
}

static void tls_quiet(struct tls_call *tls)
{
	stream_close(tls->stream);
	tls->stream = NULL;
	live_timer_stop(tls->deadline);
	tls->deadline = NULL;
	tls->call->cancel = NULL;
}

static void tls_fail(struct tls_call *tls, enum stream_end end, const char *text)
{
	struct value details = record_new(1);

	record_set(&details, "reason", value_string(stream_end_name(end)));
	tls_quiet(tls);
	call_failed_with(tls->call, details, "tls.certificate: %.255s, port %lld: %s",
			 call_text(tls->call, ARG_HOST), (long long)call_int(tls->call, ARG_PORT, 0), text);
}

/* ---- a certificate as values ---- */

/* "CN=localhost,O=Tests" (RFC 2253), in UTF-8. */
static struct value name_text(const struct tls_api *tls, const X509_NAME *name)
{
	BIO *memory = memory_need(tls->BIO_new(tls->BIO_s_mem()));
	struct buffer text = {0};
	char bytes[512];
	int count;

	tls->X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
	while ((count = tls->BIO_read(memory, bytes, sizeof bytes)) > 0)
		buffer_add(&text, bytes, (size_t)count);
	tls->BIO_free(memory);
	return buffer_finish(&text);
}

static struct value time_of(const struct tls_api *tls, const ASN1_TIME *time)
{
	struct tm tm;

	return tls->ASN1_TIME_to_tm(time, &tm) == 1 ? value_time((int64_t)timegm(&tm) * NS_PER_S)
						    : value_null();
}

static struct value address_text(const unsigned char *bytes, int length)
{
	struct sockaddr_storage address = {.ss_family = length == 4 ? AF_INET : AF_INET6};
	char text[INET6_ADDRSTRLEN];

	if (length == 4)
		memcpy(&((struct sockaddr_in *)&address)->sin_addr, bytes, 4);
	else if (length == 16)
		memcpy(&((struct sockaddr_in6 *)&address)->sin6_addr, bytes, 16);
	else
		return value_null();
	return value_string(resolve_text(&address, text));
}

/* The names and addresses that it is for. */
static struct value names_of(const struct tls_api *tls, X509 *certificate)
{
	GENERAL_NAMES *names = tls->X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int count = names == NULL ? 0 : tls->OPENSSL_sk_num((const OPENSSL_STACK *)names);
	struct value list = list_new(4);

	for (int i = 0; i < count; i++) {
		const GENERAL_NAME *name = tls->OPENSSL_sk_value((const OPENSSL_STACK *)names, i);
		const ASN1_STRING *string = name->d.ia5;

		if (name->type != GEN_DNS && name->type != GEN_IPADD)
			continue;
		list_push(&list, name->type == GEN_DNS
				     ? value_string_n((const char *)tls->ASN1_STRING_get0_data(string),
						      (size_t)tls->ASN1_STRING_length(string))
				     : address_text(tls->ASN1_STRING_get0_data(string),
						    tls->ASN1_STRING_length(string)));
	}
	if (names != NULL)
		tls->GENERAL_NAMES_free(names);
	return list;
}

static struct value fingerprint_of(const struct tls_api *tls, X509 *certificate)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned length = 0;

	tls->X509_digest(certificate, tls->EVP_sha256(), digest, &length);
	for (unsigned i = 0; i < length; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return value_string(hex);
}

/* Whole days, rounded down: on the last day 0, behind it negative. */
static struct value days_until(const struct tls_call *tls, struct value end)
{
	int64_t left = end.i - live_wall(tls->call->live);

	return value_int(left / DAY_NS - (left % DAY_NS < 0));
}

static struct value certificate_record(const struct tls_call *tls, SSL *ssl, X509 *certificate)
{
	const struct tls_api *api = tls->tls;
	struct value record = record_new(12), end = time_of(api, api->X509_get0_notAfter(certificate));
	long verdict = api->SSL_get_verify_result(ssl);

	record_set(&record, "subject", name_text(api, api->X509_get_subject_name(certificate)));
	record_set(&record, "names", names_of(api, certificate));
	record_set(&record, "issuer", name_text(api, api->X509_get_issuer_name(certificate)));
	record_set(&record, "not_before", time_of(api, api->X509_get0_notBefore(certificate)));
	record_set(&record, "not_after", end);
	record_set(&record, "days_left", days_until(tls, end));
	record_set(&record, "sha256", fingerprint_of(api, certificate));
	record_set(&record, "trusted", value_bool(verdict == X509_V_OK));
	record_set(&record, "problem",
		   verdict == X509_V_OK ? value_null()
					: value_string(api->X509_verify_cert_error_string(verdict)));
	record_set(&record, "protocol", value_string(api->SSL_get_version(ssl)));
	return record;
}

/* ---- the call ---- */

static void tls_connected(void *context)
{
	struct tls_call *tls = context;
	SSL *ssl = stream_tls(tls->stream);
	X509 *certificate = tls->tls->SSL_get1_peer_certificate(ssl);
	struct value record;

	if (certificate == NULL) {
		tls_fail(tls, STREAM_TLS, "the server shows no certificate");
		return;
	}
	record = certificate_record(tls, ssl, certificate);
	tls->tls->X509_free(certificate);
	tls_quiet(tls);
	call_ok(tls->call, record);
}

static void tls_received(void *context, const char *bytes, size_t length)
{
	(void)context;
	(void)bytes;
	(void)length;
}

static void tls_ended(void *context, enum stream_end end, const char *reason)
{
	tls_fail(context, end, reason);
}

static void tls_late(void *context)
{
	struct tls_call *tls = context;
	char text[48], line[120];

	snprintf(line, sizeof line, "%s within %s", stream_missing(tls->stream),
		 duration_text(call_int(tls->call, ARG_TIMEOUT, 0), text));
	tls_fail(tls, STREAM_SILENT, line);
}

static void tls_cancel(struct effect_call *call)
{
	tls_quiet(call->state);
	call_failed(call, "tls.certificate: cancelled");
}

/* NULL, or why the arguments are of no use. */
static const char *arguments_problem(const struct effect_call *call)
{
	int64_t port = call_int(call, ARG_PORT, 0);
	struct value name = call_arg(call, ARG_SERVER_NAME);

	if (!resolve_usable(call_arg(call, ARG_HOST)) || (name.tag != VALUE_NULL && !resolve_usable(name)))
		return RESOLVE_UNUSABLE;
	return port < 1 || port > 65535 ? "a port is from 1 to 65535" : NULL;
}

static void tls_start(struct effect_call *call)
{
	const char *problem = arguments_problem(call);
	int64_t timeout = call_int(call, ARG_TIMEOUT, 0);
	struct stream_options options;
	struct tls_call *tls;
	char error[200];

	tls = memory_need(calloc(1, sizeof *tls));
	tls->call = call;
	tls->tls = tls_load(error, sizeof error);
	call->state = tls;
	call->free_state = tls_free;
	if (problem != NULL || tls->tls == NULL) {
		call_failed(call, "tls.certificate: %s", problem != NULL ? problem : error);
		return;
	}
	options = (struct stream_options){
	    .host = call_text(call, ARG_HOST),
	    .port = (int)call_int(call, ARG_PORT, 0),
	    .timeout_ns = timeout,
	    .tls = true,
	    .server_name = call_text(call, ARG_SERVER_NAME),
	    .ca_file = call_text(call, ARG_CA),
	    .any_certificate = true,
	    .connected = tls_connected,
	    .received = tls_received,
	    .ended = tls_ended,
	    .context = tls,
	};
	call->cancel = tls_cancel;
	tls->stream = stream_open(call->live, &options);
	if (timeout > 0)
		tls->deadline = live_timer_start(call->live, timeout, tls_late, tls);
}

static const struct builtin tls_rows[] = {
    {.name = "tls.certificate",
     .signature = "(host: string, port: int = 443, server_name: string = null, ca: path = null, "
		  "timeout: duration = 10s) -> tls_certificate",
     .summary = "The certificate that a server shows, and whether it is to be trusted.",
     .details =
	 "One that has expired, is for another name or comes from an unknown authority is an answer, too: "
	 "`trusted` is false and `problem` says why. `server_name` is asked for and must be in the "
	 "certificate; it "
	 "is `host` where it is left out. `ca` is a file of authorities to trust in place of the system's.",
     .example = "tls.certificate(\"www.example.com\").days_left >= 14",
     .bad_input =
	 "A server that cannot be reached or does not speak TLS, and no answer within `timeout`, fail the "
	 "call; `detail.reason` is one of those of tcp.connect, or \"tls\".",
     .effect = EFFECT_READ,
     .start = tls_start},
};

static const struct builtin_type tls_types[] = {
    {"tls_certificate",
     "{ subject: string, names: list(string), issuer: string, not_before: time, not_after: time, days_left: "
     "int, "
     "sha256: string, trusted: bool, problem: string | null, protocol: string }",
     "What a server showed of itself. `names` are the hosts and addresses it is for, `days_left` whole days "
     "until "
     "`not_after` (negative behind it), `sha256` the fingerprint in hexadecimal, `protocol` such as "
     "TLSv1.3."},
};

const struct builtin_table tls_table = {
    .name = "tls",
    .summary = "Certificates of servers.",
    .rows = tls_rows,
    .row_count = sizeof tls_rows / sizeof *tls_rows,
    .types = tls_types,
    .type_count = sizeof tls_types / sizeof *tls_types,
};
