/* cmd_export.c - runplan export: what a plan says, for other programs. */
#include <string.h>
#include <unistd.h>

#include "builtins/prom_rules.h"
#include "builtins/tables.h"
#include "cli/commands.h"
#include "cli/params.h"

static int write_rules(const struct options *options, const struct program *plan,
		       const struct program *thresholds)
{
	struct prom_rules_result result;
	struct params params;

	if (!params_collect_some(&params, thresholds, options, stderr))
		return EXIT_USAGE;
	result = prom_rules_write(plan, thresholds, params.values, params.count, params.environment, stdout,
				  stderr);
	params_free(&params);
	if (!result.rules && !result.refused)
		fprintf(stderr, "runplan: there is no threshold in it\n");
	return result.refused ? EXIT_FAILED : EXIT_DONE;
}

static int export_alerts(const struct options *options, const char *path)
{
	struct compilation *compilation = compilation_new(&builtin_registry);
	struct program *plan = NULL, *thresholds = NULL;
	int code = EXIT_USAGE;

	if (check_plan(compilation, path)) {
		plan = compile_program(compilation);
		thresholds = compile_thresholds(compilation);
	}
	if (compilation->diags->errors) {
		diag_print(stderr, compilation->diags, compilation->sources,
			   options_color(options, STDERR_FILENO));
		fprintf(stderr, "runplan: the plan does not check; nothing was exported\n");
	} else {
		code = write_rules(options, plan, thresholds);
	}
	program_free(thresholds);
	program_free(plan);
	compilation_free(compilation);
	return code;
}

int cmd_export(const struct options *options)
{
	if (strcmp(options->operands[0], "alerts") != 0) {
		fprintf(stderr, "runplan: `export %s` is not known: it is `export alerts FILE`\n",
			options->operands[0]);
		return EXIT_USAGE;
	}
	return export_alerts(options, options->operands[1]);
}
