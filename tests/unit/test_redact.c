/*
 * test_redact.c - secrets of many alphabets in every form that redact.h promises: nothing of them is left.
 * Each text is also looked through before it is redacted, so that the search itself is known to find them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/redact.h"
#include "interp/journal.h"
#include "interp/json.h"

#define PIECE 12 /* bytes of a form that would tell something */

static const char *const secrets[] = {
    "hunter2-hunter2",
    "exactly8",
    "it's \"a/secret\" & more",
    "back\\slash\\\\twice\\",
    "''''''''''",
    "\"\"'\"'\\\\'\"",
    "%41%42%43%2541&amp;",
    "+/+/+/+/=====",
    "line one\nline two\nline three",
    "windows line\r\nsecond line\r\n  third",
    "tab\tand\vbell\a\033[1mbold",
    "pässwörd-ünd-größe",
    "\xf0\x9f\x94\x91\xf0\x9f\x94\x92 key \xe6\x97\xa5\xe6\x9c\xac",
    "QmFzZTY0IGxvb2tpbmc=",
    "^(.*)[a-z]+$\\d{8}|?",
    "$(id) `id` ${HOME} $$",
    "<script>alert('x')</script>",
    "a=b&c=d;e=f#g?h",
    "nabcdefgh",
    "u0041u0042u0043",
    "deadbeefdeadbeef",
    "12345678901234567890",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "        leading blanks",
    "*** three stars ***",
};

/* ---- forms ---- */

static void hex_of(struct buffer *out, const char *before, unsigned char c, int upper, const char *after)
{
	buffer_printf(out, upper ? "%s%02X%s" : "%s%02x%s", before, c, after);
}

static void base64(struct buffer *out, const char *s, const char *before, const char *after, int url,
		   int padded, int wrap)
{
	static const char table[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	struct buffer all = {0};
	size_t i, column = 0;

	buffer_printf(&all, "%s%s%s", before, s, after);
	for (i = 0; i < all.length; i += 3) {
		const unsigned char *b = (const unsigned char *)buffer_text(&all) + i;
		size_t left = all.length - i, k;
		uint32_t bits =
		    (uint32_t)b[0] << 16 | (left > 1 ? (uint32_t)b[1] << 8 : 0) | (left > 2 ? b[2] : 0);

		for (k = 0; k < 4; k++) {
			uint32_t six = bits >> (18 - 6 * k) & 63;

			if (k > left && !padded)
				break;
			buffer_add_byte(out, k > left	? '='
					     : six < 62 ? table[six]
							: (url ? "-_" : "+/")[six - 62]);
			if (wrap && ++column % 19 == 0)
				buffer_add_byte(out, '\n');
		}
	}
	buffer_free(&all);
}

static uint32_t code_point(const char **at)
{
	const unsigned char *s = (const unsigned char *)*at;
	int more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc0 ? 1 : 0, i;
	uint32_t code = more ? s[0] & (0x3f >> more) : s[0];

	for (i = 1; i <= more; i++)
		code = code << 6 | (s[i] & 0x3f);
	*at += more + 1;
	return code;
}

static void json_escaped(struct buffer *out, const char *s, int all)
{
	while (*s) {
		uint32_t code = code_point(&s);

		if (code >= 0x10000)
			buffer_printf(out, "\\u%04x\\u%04x", 0xd800 | ((code - 0x10000) >> 10),
				      0xdc00 | (code & 0x3ff));
		else if (all || code >= 0x7f || code < 0x20)
			buffer_printf(out, "\\u%04x", code);
		else if (strchr("\"\\/", (int)code))
			buffer_printf(out, "\\%c", (int)code);
		else
			buffer_add_byte(out, (char)code);
	}
}

static void html(struct buffer *out, const char *s, int numeric)
{
	while (*s) {
		uint32_t code = code_point(&s);
		const char *name = numeric	 ? NULL
				   : code == '&' ? "&amp;"
				   : code == '<' ? "&lt;"
				   : code == '>' ? "&gt;"
				   : code == '"' ? "&quot;"
						 : NULL;

		if (name)
			buffer_add_text(out, name);
		else if (numeric == 2)
			buffer_printf(out, "&#x%X;", code);
		else if (numeric || code == '\'' || code >= 0x7f)
			buffer_printf(out, "&#%u;", code);
		else
			buffer_add_byte(out, (char)code);
	}
}

static void json_of(struct buffer *out, const char *s)
{
	json_write_string(out, s, strlen(s));
}

enum { FORMS = 36 };

static void write_form(struct buffer *out, int form, const char *s)
{
	struct buffer inner = {0};
	const char *c;

	switch (form) {
	case 0:
		buffer_add_text(out, s);
		return;
	case 1:
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
	case 10:
	case 11:
	case 12:
		base64(out, s,
		       (form - 1) % 3 == 0   ? ""
		       : (form - 1) % 3 == 1 ? "u"
					     : "u:",
		       form > 6 ? "@host" : "", (form - 1) / 3 % 2, form % 2, 0);
		return;
	case 13:
		base64(out, s, "user:", "\nmore", 0, 1, 1);
		return;
	case 14:
	case 15:
	case 16:
		for (c = s; *c; c++)
			if (form == 16 && *c == ' ')
				buffer_add_byte(out, '+');
			else if (strchr("-._~", *c) || ((*c | 32) >= 'a' && (*c | 32) <= 'z') ||
				 (*c >= '0' && *c <= '9'))
				buffer_add_byte(out, *c);
			else
				hex_of(out, "%", (unsigned char)*c, form != 15, "");
		return;
	case 17: /* every byte, and twice over */
		for (c = s; *c; c++)
			hex_of(out, "%25", (unsigned char)*c, 0, "");
		return;
	case 18:
		json_of(out, s);
		return;
	case 19:
	case 20:
		json_escaped(out, s, form == 20);
		return;
	case 21: /* JSON inside JSON inside JSON */
		json_of(&inner, s);
		json_of(out, buffer_text(&inner));
		buffer_cut(&inner, 0);
		buffer_add_text(&inner, buffer_text(out));
		buffer_cut(out, 0);
		json_of(out, buffer_text(&inner));
		buffer_free(&inner);
		return;
	case 22:
	case 23:
		for (c = s; *c; c++)
			buffer_add_text(out, *c != '\'' ? (char[]){*c, 0} : form == 22 ? "'\\''" : "'\"'\"'");
		return;
	case 24: /* $'..' */
		for (c = s; *c; c++)
			if (*c == '\'' || *c == '\\')
				buffer_printf(out, "\\%c", *c);
			else if (*c == '\n' || *c == '\t' || *c == '\r')
				buffer_printf(out, "\\%c", *c == '\n' ? 'n' : *c == '\t' ? 't' : 'r');
			else if ((unsigned char)*c < 32 || (unsigned char)*c > 126)
				buffer_printf(out, "\\%03o", (unsigned char)*c);
			else
				buffer_add_byte(out, *c);
		return;
	case 25:
	case 26:
		for (c = s; *c; c++) {
			if (form == 25 ? strchr("\"\\$`", *c) != NULL
				       : (*c >= ' ' && *c < '0') || strchr("'\"\\$`;&|<>()[]{}*?#~^", *c))
				buffer_add_byte(out, '\\');
			buffer_add_byte(out, *c);
		}
		return;
	case 27:
	case 28:
		for (c = s; *c; c++)
			hex_of(out, "", (unsigned char)*c, form == 27, "");
		return;
	case 29:
		for (c = s; *c; c++)
			hex_of(out, c > s ? ":" : "", (unsigned char)*c, 0, "");
		return;
	case 30:
	case 31:
	case 32:
		html(out, s, form - 30);
		return;
	case 33:
		for (c = s; *c; c++)
			hex_of(out, "\\x", (unsigned char)*c, 0, "");
		return;
	case 34: /* quoted-printable */
		for (c = s; *c; c++)
			if ((unsigned char)*c < 33 || (unsigned char)*c > 126 || *c == '=')
				hex_of(out, "=", (unsigned char)*c, 1, "");
			else
				buffer_add_byte(out, *c);
		return;
	default:
		for (c = s; *c; c++)
			buffer_add_text(out, *c == '\'' ? "''" : (char[]){*c, 0});
	}
}

/* Bytes at its ends that the text around it decides about (base64), or that are no part of the secret. */
static int edge(int form)
{
	return form >= 1 && form <= 13 ? 11 : 0;
}

static void is_hidden(struct redactor *redactor, const char *secret, int form, const char *around)
{
	struct buffer coded = {0}, text = {0}, out = {0};
	size_t i, to;

	write_form(&coded, form, secret);
	buffer_printf(&text, around, buffer_text(&coded));
	assert_non_null(strstr(buffer_text(&text), buffer_text(&coded)));
	redact(redactor, buffer_text(&text), text.length, &out);
	buffer_add_byte(&out, '\0');
	to = coded.length - (size_t)edge(form) / 2;
	for (i = (size_t)edge(form); i + PIECE <= to; i++)
		if (strspn(buffer_text(&coded) + i, "\\\"'") < PIECE &&
		    memmem(buffer_text(&out), out.length, buffer_text(&coded) + i, PIECE))
			break;
	if (i + PIECE <= to || (!edge(form) && strstr(buffer_text(&out), buffer_text(&coded))) ||
	    !strstr(buffer_text(&out), "***"))
		fail_msg("form %d of %s: %s shows as %s", form, secret, buffer_text(&text),
			 buffer_text(&out));
	buffer_free(&coded);
	buffer_free(&text);
	buffer_free(&out);
}

static void test_every_form(void **state)
{
	static const char *const around[] = {
	    "%s", "login failed for %s at once", "{\"a\":\"%s\"}", "x='%s'", "\\n%s\\n", "a%%%s&b"};
	size_t i, k;
	int form;

	(void)state;
	for (i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		struct redactor *redactor = redactor_new();

		redactor_learn(redactor, secrets[i], strlen(secrets[i]));
		for (form = 0; form < FORMS; form++)
			for (k = 0; k < sizeof(around) / sizeof(*around); k++)
				is_hidden(redactor, secrets[i], form, around[k]);
		redactor_free(redactor);
	}
}

static void test_all_at_once(void **state)
{
	struct redactor *redactor = redactor_new();
	char *large = memory_need(malloc(4097));
	size_t i;
	int form;

	(void)state;
	for (i = 0; i < 4096; i++)
		large[i] = "0123456789abcdefghijklmnopqrstuvwxyz'\"\\ %&+\n/="[(i * i * 31 + i * 7) % 46];
	large[4095] = 'x';
	large[4096] = '\0';
	for (i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		redactor_learn(redactor, secrets[i], strlen(secrets[i]));
	redactor_learn(redactor, large, 4096);
	for (form = 0; form < FORMS; form++) {
		for (i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
			is_hidden(redactor, secrets[i], form, "two: %s.");
		is_hidden(redactor, large, form, "large: %s.");
	}
	free(large);
	redactor_free(redactor);
}

/* What a limit has left of a text that holds a secret. */
static void test_cut_off(void **state)
{
	static const char secret[] = "correct horse battery staple";
	struct redactor *redactor = redactor_new();
	struct buffer text = {0}, out = {0};
	size_t i;

	(void)state;
	redactor_learn(redactor, secret, strlen(secret));
	for (i = PIECE; i < strlen(secret); i++) {
		buffer_printf(&text, "there is no field `%.*s` in it", (int)i, secret);
		redact(redactor, buffer_text(&text), text.length, &out);
		assert_string_equal(buffer_text(&out), "there is no field `***` in it");
		buffer_cut(&text, 0);
		buffer_cut(&out, 0);
		buffer_printf(&text, "%s is it, %.*s…", secret + strlen(secret) - i, (int)i, secret);
		redact(redactor, buffer_text(&text), text.length, &out);
		assert_string_equal(buffer_text(&out), "*** is it, ***…");
		buffer_cut(&text, 0);
		buffer_cut(&out, 0);
	}
	redact(redactor, "correct horse carts", 19, &out); /* not cut off: another text */
	assert_string_equal(buffer_text(&out), "correct horse carts");
	buffer_free(&text);
	buffer_free(&out);
	redactor_free(redactor);
}

/* The same in each form, also in the middle of an escape. */
static void test_cut_off_forms(void **state)
{
	struct redactor *redactor = redactor_new();
	char large[1025];
	int form, i;

	(void)state;
	for (i = 0; i < 1024; i++)
		large[i] = "0123456789abcdefghijklmnopqrstuvwxyz'\"\\ %&+\n/=<>"[(i * i * 31 + i * 7) % 48];
	large[1023] = 'x';
	large[1024] = '\0';
	redactor_learn(redactor, large, 1024);
	for (form = 0; form < FORMS; form++) {
		struct buffer coded = {0};

		write_form(&coded, form, large);
		for (i = 300; i < 400; i++) {
			struct buffer text = {0}, out = {0};
			size_t k;

			buffer_printf(&text, "it answered: %.*s…", i, buffer_text(&coded));
			redact(redactor, buffer_text(&text), text.length, &out);
			for (k = 12; k + 40 < (size_t)i; k++)
				if (memmem(buffer_text(&out), out.length, buffer_text(&coded) + k, 40))
					fail_msg("form %d, cut at %d: %s shows as %s", form, i,
						 buffer_text(&text), buffer_text(&out));
			buffer_free(&text);
			buffer_free(&out);
		}
		buffer_free(&coded);
	}
	redactor_free(redactor);
}

/* A row stays a row, whatever is hidden in it. */
static void test_rows_stay_rows(void **state)
{
	static const char odd[] = "\xff\xfe hunter2-hunter2 \xff";
	struct redactor *redactor = redactor_new();
	struct value data = record_new(4), clean;
	struct event event = {.kind = EVENT_EFFECT_ENDED,
			      .id = "0:1",
			      .step = "s",
			      .text = "12 nabcdefgh",
			      .now = 12,
			      .wall = 12345678901};
	size_t i;

	(void)state;
	redactor_learn(redactor, "hunter2-hunter2", 15);
	redactor_learn(redactor, "nabcdefgh", 9);
	redactor_learn(redactor, "12345678901", 11);
	redactor_learn(redactor, "12", 2);
	redactor_learn(redactor, "ok", 2);
	record_set(&data, "kind", value_string("ok"));
	record_set(&data, "value", value_string_n(odd, sizeof(odd) - 1));
	for (i = 0; i < 2; i++) {
		struct value row = i ? event_encode(&event) : value_null();
		struct buffer out = {0};
		struct event back;

		if (!i) {
			event.data = data;
			row = event_pack(&event);
		}
		redact_row(redactor, value_text_peek(row), value_length(row), &out);
		assert_true(i ? event_decode(buffer_text(&out), out.length, &back)
			      : event_unpack(buffer_text(&out), out.length, &back));
		assert_string_equal(back.text, "*** ***");
		assert_int_equal(back.wall, 12345678901);
		assert_string_equal(value_text_peek(record_peek(back.data, "kind")), "ok");
		assert_memory_equal(value_text_peek(record_peek(back.data, "value")), "\xff\xfe *** \xff", 8);
		event_free(&back);
		buffer_free(&out);
		value_release(row);
	}
	clean = redact_value(redactor, value_int(12345678901));
	assert_int_equal(clean.tag, VALUE_NULL);
	assert_true(value_is_secret(clean));
	value_release(data);
	redactor_free(redactor);
}

/* A newline in front of a secret is no part of an escape that begins with its first letter. */
static void test_context(void **state)
{
	struct redactor *redactor = redactor_new();
	struct value v = value_string("\nnabcdefgh \\nabcdefgh"), clean;

	(void)state;
	redactor_learn(redactor, "nabcdefgh", 9);
	clean = redact_value(redactor, v);
	assert_string_equal(value_text_peek(clean), "\n*** \\***");
	value_release(clean);
	value_release(v);
	redactor_free(redactor);
}

/* Random text of what escapes are made of, against secrets of the same: nothing is written beyond, no search
 * without end. */
static void test_hostile(void **state)
{
	static const char alphabet[] = "\\'\"%&;#x25amp=+u00\n ";
	char secret[64], text[600];
	unsigned seed = 1;
	int round, i;

	(void)state;
	for (round = 0; round < 3000; round++) {
		struct redactor *redactor = redactor_new();
		struct buffer out = {0};
		int length = 8 + round % 50;

		for (i = 0; i < length; i++)
			secret[i] =
			    alphabet[(seed = seed * 1103515245u + 12345u) / 65536u % (sizeof(alphabet) - 1)];
		secret[length - 1] = ';';
		for (i = 0; i < 600; i++)
			text[i] =
			    alphabet[(seed = seed * 1103515245u + 12345u) / 65536u % (sizeof(alphabet) - 1)];
		memcpy(text + 100, secret, (size_t)length);
		redactor_learn(redactor, secret, (size_t)length);
		redact(redactor, text, 600, &out);
		assert_null(memmem(buffer_text(&out), out.length, secret, (size_t)length));
		buffer_free(&out);
		redactor_free(redactor);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_form),	   cmocka_unit_test(test_all_at_once),
	    cmocka_unit_test(test_cut_off),	   cmocka_unit_test(test_cut_off_forms),
	    cmocka_unit_test(test_rows_stay_rows), cmocka_unit_test(test_context),
	    cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
