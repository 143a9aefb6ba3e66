#include "grammar/utf8.h"

static bool continues(const char *bytes, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (((unsigned char)bytes[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t utf8_decode(const char *bytes, size_t length, uint32_t *code)
{
	const unsigned char *b = (const unsigned char *)bytes;

	if (b[0] < 0x80) {
		*code = b[0];
		return 1;
	}
	if (b[0] >= 0xc2 && b[0] < 0xe0 && length >= 2 && continues(bytes, 2)) {
		*code = (b[0] & 0x1fu) << 6 | (b[1] & 0x3fu);
		return 2;
	}
	if (b[0] >= 0xe0 && b[0] < 0xf0 && length >= 3 && continues(bytes, 3)) {
		*code = (b[0] & 0x0fu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
		return *code >= 0x800 && (*code < 0xd800 || *code > 0xdfff) ? 3 : 0;
	}
	if (b[0] >= 0xf0 && b[0] < 0xf5 && length >= 4 && continues(bytes, 4)) {
		*code = (b[0] & 0x07u) << 18 | (b[1] & 0x3fu) << 12 | (b[2] & 0x3fu) << 6 | (b[3] & 0x3fu);
		return *code >= 0x10000 && *code <= 0x10ffff ? 4 : 0;
	}
	return 0;
}

size_t utf8_encode(uint32_t code, char *out)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

struct range {
	uint32_t first, last;
};

static bool in_ranges(uint32_t code, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* The large blocks; exact tables would be a hundred times longer for carets that are rarely under such text.
 */
static const struct range ZERO_WIDTH[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f}, {0x200b, 0x200f},
    {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef},
};

static const struct range WIDE[] = {
    {0x1100, 0x115f},	{0x2705, 0x2705},   {0x274c, 0x274c}, {0x2e80, 0x303e},	  {0x3041, 0x33ff},
    {0x3400, 0x4dbf},	{0x4e00, 0x9fff},   {0xa000, 0xa4cf}, {0xac00, 0xd7a3},	  {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},	{0xff00, 0xff60},   {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
    {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

unsigned utf8_width(uint32_t code)
{
	if (code < 0x300)
		return 1;
	if (in_ranges(code, ZERO_WIDTH, sizeof(ZERO_WIDTH) / sizeof(*ZERO_WIDTH)))
		return 0;
	return in_ranges(code, WIDE, sizeof(WIDE) / sizeof(*WIDE)) ? 2 : 1;
}

bool utf8_is_bidi(uint32_t code)
{
	return code == 0x61c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

bool utf8_is_invisible(uint32_t code)
{
	return code == 0xad || code == 0x34f || (code >= 0x200b && code <= 0x200d) ||
	       (code >= 0x2060 && code <= 0x2064) || code == 0xfeff;
}

bool utf8_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}
