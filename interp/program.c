/* program.c - reading bytecode back: the dump for people and tests, the verifier. */
#include "interp/program.h"

#include <string.h>

#include "interp/builtin.h"

static const struct {
	const char *name, *operands;
} opcodes[] = {
#define OPCODE(name, operands, about) { #name, #operands },
#include "interp/opcodes.def"
#undef OPCODE
};

static bool has_d(const char *operands)
{
	return strchr(operands, 'D') != NULL;
}

/* Is d a code address? */
static bool jumps(enum opcode op)
{
	switch (op) {
	case INSN_JUMP:
	case INSN_LOOP:
	case INSN_IF:
	case INSN_ELSE:
	case INSN_JUMP_TRUE:
	case INSN_JUMP_FALSE:
	case INSN_JUMP_SET:
	case INSN_JUMP_UNKNOWN:
	case INSN_NEXT:
	case INSN_WHILE:
	case INSN_GIVEN:
	case INSN_GIVEN_PARAM:
	case INSN_TRY_BEGIN:
	case INSN_SPAWN:
	case INSN_SAMPLE_BEGIN:
	case INSN_TIMEOUT_BEGIN:
		return true;
	default:
		return false;
	}
}

static void dump_operand(FILE *out, const struct function *function, uint16_t operand)
{
	if (!(operand & OPERAND_CONSTANT)) {
		fprintf(out, " r%u", operand);
		return;
	}
	struct value shown = value_show(function->constants[operand & ~OPERAND_CONSTANT], 40);
	fprintf(out, " %s", value_text_peek(shown));
	value_release(shown);
}

static void dump_instruction(FILE *out, const struct program *program, const struct function *function, uint32_t at)
{
	const struct instruction *in = &function->code[at];
	const char *operands = opcodes[in->op].operands;

	fprintf(out, "%5u  %-13s", at, opcodes[in->op].name);
	if (operands[0] == 'A')
		fprintf(out, " r%u", in->a);
	if (has_d(operands)) {
		fprintf(out, jumps(in->op) ? " ->%d" : " #%d", in->d);
	} else if (in->op == INSN_EFFECT || in->op == INSN_PURE) {
		fprintf(out, " r%u %s", in->b, program->sites[in->c].builtin->name);
	} else if (in->op == INSN_CALL) {
		fprintf(out, " r%u %s", in->b, program->functions[in->c].name);
	} else {
		if (strchr(operands, 'B'))
			dump_operand(out, function, in->b);
		if (strchr(operands, 'C'))
			dump_operand(out, function, in->c);
	}
	fputc('\n', out);
}

void program_dump(FILE *out, const struct program *program)
{
	for (uint32_t i = 0; i < program->function_count; i++) {
		const struct function *function = &program->functions[i];
		fprintf(out, "%s: %u registers\n", function->name, function->registers);
		for (uint32_t at = 0; at < function->count; at++)
			dump_instruction(out, program, function, at);
	}
}

/* How many rows the table that d names has; UINT32_MAX: d names none. */
static uint32_t table_size(const struct program *program, const struct function *function, enum opcode op)
{
	switch (op) {
	case INSN_GLOBAL:
	case INSN_SET_GLOBAL:
		return program->plans[function->plan].global_count;
	case INSN_PARAM_FITS:
	case INSN_PARAM_HOLDS:
		return program->plans[function->plan].param_count;
	case INSN_TAKE_SECRET:
		return program->plans[function->plan].secret_count;
	case INSN_TRACE:
		return program->part_count;
	case INSN_CHECK_BEGIN:
	case INSN_CHECK_END:
	case INSN_POLL_BEGIN:
	case INSN_POLL_TEST:
	case INSN_ANSWERED:
		return program->check_count;
	case INSN_STEP_BEGIN:
	case INSN_STEP_DONE:
	case INSN_STEP_END:
		return program->step_count;
	case INSN_WATCH_BEGIN:
		return program->watch_count;
	case INSN_GROUP_END:
		return program->group_count;
	case INSN_RUN_PLAN:
		return program->run_count;
	case INSN_DEFER:
		return program->defer_count;
	case INSN_SAMPLE_SETUP:
	case INSN_SAMPLE_END:
	case INSN_SAMPLED:
		return program->threshold_count;
	default:
		return UINT32_MAX;
	}
}

static const char *verify_operand(const struct function *function, const char *operands, char letter, uint16_t operand)
{
	const char *at = strchr(operands, letter);

	if (!at)
		return NULL;
	if (operand & OPERAND_CONSTANT)
		return (uint32_t)(operand & ~OPERAND_CONSTANT) < function->constant_count ? NULL
											      : "a constant that is not there";
	return NULL;
}

/* Does the instruction at `address` come right behind an `op`? */
static bool follows(const struct function *function, int32_t address, enum opcode op)
{
	return address > 0 && function->code[address - 1].op == op;
}

static const char *verify_instruction(const struct program *program, const struct function *function,
				      const struct instruction *in)
{
	const char *operands, *wrong;

	if (in->op >= INSN_COUNT)
		return "no such opcode";
	operands = opcodes[in->op].operands;
	if (operands[0] == 'A' && in->op != INSN_GIVEN_PARAM && in->a >= function->registers)
		return "a register outside of the frame";
	if (has_d(operands)) {
		if (jumps(in->op) && (in->d < 0 || (uint32_t)in->d >= function->count))
			return "a jump to nowhere";
		if (in->op == INSN_IF && !follows(function, in->d, INSN_ELSE) && !follows(function, in->d, INSN_ENDIF))
			return "a choice whose other arm is not behind the one";
		if (in->op == INSN_ELSE && !follows(function, in->d, INSN_ENDIF))
			return "an arm that does not end behind its choice";
		if (in->op == INSN_CONSTANT && (uint32_t)in->d >= function->constant_count)
			return "a constant that is not there";
		return (uint32_t)in->d < table_size(program, function, in->op) || jumps(in->op) || in->op == INSN_CONSTANT
			       ? NULL
			       : "a row that is not in its table";
	}
	if ((in->op == INSN_EFFECT || in->op == INSN_PURE) && in->c >= program->site_count)
		return "a call site that is not there";
	if (in->op == INSN_CALL && in->c >= program->function_count)
		return "a function that is not there";
	wrong = verify_operand(function, operands, 'B', in->b);
	return wrong ? wrong : verify_operand(function, operands, 'C', in->c);
}

const char *program_verify(const struct program *program, uint32_t *function, uint32_t *address)
{
	for (*function = 0; *function < program->function_count; ++*function) {
		const struct function *f = &program->functions[*function];
		for (*address = 0; *address < f->count; ++*address) {
			const char *wrong = verify_instruction(program, f, &f->code[*address]);
			if (wrong)
				return wrong;
		}
		if (!f->count)
			return "an empty function";
		enum opcode last = f->code[f->count - 1].op;
		if (last != INSN_RETURN && last != INSN_END_FIBER && last != INSN_LOOP && last != INSN_RERAISE)
			return "a function without an end";
	}
	return NULL;
}
