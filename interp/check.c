/* check.c - the compilation, loading of files and their imports, the order of the passes; see check.h. */
#include "interp/check_internal.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "grammar/parse.h"

/* Files that import each other in a row: more is surely a mistake, and bounds the C stack. */
#define IMPORT_DEPTH_MAX 64
#define IMPORT_FILES_MAX 1000 /* links that form a loop make one file many */

#define PLAN_DEPTH_MAX 16 /* child plans of child plans */

#define READ_ERROR_MAX 256

/* ---- compilation ---- */

static void give_checker(struct compilation *compilation)
{
	struct checker *checker = arena_alloc(compilation->arena, sizeof(*checker));

	compilation->checker = checker;
	checker->compilation = compilation;
	checker->arena = compilation->arena;
	checker->modules_end = &compilation->modules;
	checker->callables_end = &checker->callables;
	checker->all_locals_end = &checker->all_locals;
	checker->handler_uses_end = &checker->handler_uses;
	checker->plans_end = &compilation->plans;
	names_init(checker);
}

struct compilation *compilation_new(const struct registry *registry)
{
	struct arena *arena = memory_need(malloc(sizeof(*arena)));
	struct compilation *compilation;

	arena_init(arena);
	compilation = arena_alloc(arena, sizeof(*compilation));
	*compilation = (struct compilation){
	    .arena = arena,
	    .sources = arena_alloc(arena, sizeof(struct sources)),
	    .diags = arena_alloc(arena, sizeof(struct diags)),
	    .registry = registry,
	    .root = compilation,
	};
	sources_init(compilation->sources, arena);
	diags_init(compilation->diags, arena);
	give_checker(compilation);
	return compilation;
}

static struct compilation *compilation_child(struct compilation *outer, const struct node *run_by)
{
	struct compilation *child = arena_alloc(outer->arena, sizeof(*child));
	const struct checker *checker = checker_of(outer);

	*child = (struct compilation){
	    .arena = outer->arena,
	    .sources = outer->sources,
	    .diags = outer->diags,
	    .registry = outer->registry,
	    .root = outer->root,
	    .outer = outer,
	    .run_by = run_by,
	};
	give_checker(child);
	checker_of(child)->read = checker->read;
	checker_of(child)->read_context = checker->read_context;
	return child;
}

void compilation_free(struct compilation *compilation)
{
	struct arena *arena;

	if (!compilation)
		return;
	arena = compilation->arena;
	arena_free(arena);
	free(arena);
}

const char *node_literal_text(const struct node *node, size_t *length)
{
	if (!node || node->kind != NODE_STRING || node->string.interpolated || !node->string.parts)
		return NULL;
	if (length)
		*length = node->string.parts->text.length;
	return node->string.parts->text.bytes;
}

/* ---- paths ---- */

/* "a/./b/../c" is "a/c"; leading ".." stay. Files are told apart by this text. */
static char *normal_path(struct arena *arena, const char *path)
{
	char *normal = arena_alloc(arena, strlen(path) + 2), *out = normal;
	const char *part = path, *end;
	bool absolute = *path == '/';
	size_t depth = 0;

	if (absolute)
		*out++ = '/';
	for (; *part; part = *end ? end + 1 : end) {
		end = part + strcspn(part, "/");
		if (end == part || (end - part == 1 && *part == '.'))
			continue;
		if (end - part == 2 && part[0] == '.' && part[1] == '.' && depth > 0) {
			for (out--; out > normal && out[-1] != '/'; out--)
				;
			depth--;
			continue;
		}
		depth += !(end - part == 2 && part[0] == '.' && part[1] == '.');
		memcpy(out, part, (size_t)(end - part));
		out += end - part;
		*out++ = '/';
	}
	if (out > normal + absolute)
		out--;
	*out = '\0';
	return normal;
}

static char *path_beside(struct arena *arena, const char *importer, const char *path)
{
	const char *slash = strrchr(importer, '/');

	if (*path == '/' || !slash)
		return normal_path(arena, path);
	return normal_path(arena, arena_printf(arena, "%.*s/%s", (int)(slash - importer), importer, path));
}

/* ---- loading ---- */

/* The files on the way from the main file to the one being read. */
struct loading {
	const char *path;
	struct node
	    *import; /* in the file that wants it (of a child plan: its RUN_PLAN); NULL: the main file */
	struct loading *outer;
	unsigned depth;
};

/* What several plans of a run import is read once: its places are the same for all of them. */
static bool was_read(const struct sources *sources, const char *path, uint32_t *file)
{
	for (*file = 0; *file < sources->count; ++*file)
		if (strcmp(sources->list[*file].path, path) == 0)
			return true;
	return false;
}

static const char *read_text(struct checker *checker, const char *path, uint32_t *file)
{
	struct compilation *compilation = checker->compilation;
	char error[READ_ERROR_MAX] = "No such file or directory";
	size_t length = 0;
	char *text;

	if (compilation->outer && was_read(compilation->sources, path, file))
		return NULL;
	checker_of(compilation->root)->files++;
	if (!checker->read)
		return source_load(compilation->sources, path, file);
	text = checker->read(checker->read_context, path, &length, error, sizeof(error));
	if (!text)
		return arena_strdup(checker->arena, error);
	if (length > SOURCE_MAX_BYTES) {
		free(text);
		return "is larger than 64 MiB";
	}
	*file = source_add(compilation->sources, path, text, length);
	free(text);
	return NULL;
}

/* The plan in the folder of `path` whose name is nearest to the one that is missing there, or NULL. */
static const char *near_file(struct checker *checker, const char *path)
{
	const char *slash = strrchr(path, '/'), *near = NULL;
	const char *name = slash ? slash + 1 : path;
	DIR *folder = opendir(slash ? arena_strndup(checker->arena, path, (size_t)(slash - path) + 1) : ".");
	struct candidates candidates = candidates_for(checker->compilation->diags, name);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			candidates_add(checker->arena, &candidates,
				       arena_strdup(checker->arena, entry->d_name));
	if (folder)
		closedir(folder);
	near = candidates_nearest(&candidates);
	return near && slash ? arena_printf(checker->arena, "%.*s%s", (int)(slash - path) + 1, path, near)
			     : near;
}

static const struct node *path_node(const struct node *import)
{
	return import->kind == NODE_IMPORT ? import->import.path : import->run_plan.path;
}

static void report_unreadable(struct checker *checker, const struct loading *loading, const char *why)
{
	struct compilation *compilation = checker->compilation;
	const char *near;
	struct diag *diag;
	uint32_t file;

	if (loading->import) {
		diag = diag_error(compilation->diags, "E0701", path_node(loading->import)->span,
				  "%s cannot be read: %s", loading->path, why);
		near = checker->read ? NULL : near_file(checker, loading->path);
		if (near)
			diag_hint(diag, "there is a file %s", near);
		if (loading->import->kind == NODE_IMPORT)
			diag_hint(diag, "the path of an import is relative to the file that imports");
		else
			diag_hint(diag, "the path of a plan is relative to the file that runs it");
		return;
	}
	file = source_add(compilation->sources, loading->path, "", 0);
	diag = diag_error(compilation->diags, "E0701", (struct span){file, 0, 0},
			  "this file cannot be read: %s", why);
	near = checker->read ? NULL : near_file(checker, loading->path);
	if (near)
		diag_hint(diag, "there is a file %s", near);
}

static const struct loading *find_loading(const struct loading *loading, const char *path)
{
	while (loading && strcmp(loading->path, path) != 0)
		loading = loading->outer;
	return loading;
}

static void show_way(struct diag *diag, const struct loading *at, const struct loading *first)
{
	if (at == first)
		return;
	show_way(diag, at->outer, first);
	diag_secondary(diag, at->import->import.path->span, "imports %s", at->path);
}

static void report_cycle(struct checker *checker, const struct loading *last, const struct loading *first,
			 const struct node *import)
{
	const char *way = first->path;
	const struct loading *at;
	struct diag *diag;

	for (at = last; at != first; at = at->outer)
		way = arena_printf(checker->arena, "%s -> %s", at->path, way);
	diag = diag_error(checker->compilation->diags, "E0702", import->import.path->span,
			  "this import closes a cycle");
	show_way(diag, last, first);
	diag_hint(diag, "the cycle is %s -> %s", first->path, way);
	diag_hint(diag, "move what both files need into a third one");
}

static struct module *load_module(struct checker *checker, struct loading *loading);

static bool refuse_many(struct checker *checker, const struct node *node)
{
	if (checker_of(checker->compilation->root)->files < IMPORT_FILES_MAX)
		return false;
	diag_error(checker->compilation->diags, "E0703", node->span,
		   "the plan and its imports are more than %d files", IMPORT_FILES_MAX);
	return true;
}

static struct module *load_import(struct checker *checker, struct loading *outer, struct node *node)
{
	const char *literal = node_literal_text(node->import.path, NULL);
	struct loading loading = {.import = node, .outer = outer, .depth = outer->depth + 1};
	const struct loading *first;
	struct module *module;

	if (!literal)
		return NULL;
	if (!*literal) {
		diag_error(checker->compilation->diags, "E0701", node->import.path->span,
			   "the path of this import is empty");
		return NULL;
	}
	loading.path = path_beside(checker->arena, strcmp(outer->path, "-") ? outer->path : "", literal);
	first = find_loading(outer, loading.path);
	if (first) {
		report_cycle(checker, outer, first, node);
		return NULL;
	}
	module = table_find(&checker->modules, loading.path);
	if (module)
		return module;
	if (loading.depth > IMPORT_DEPTH_MAX) {
		diag_error(checker->compilation->diags, "E0703", node->span,
			   "more than %d files import each other in a row", IMPORT_DEPTH_MAX);
		return NULL;
	}
	if (refuse_many(checker, node))
		return NULL;
	return load_module(checker, &loading);
}

static const struct item *list_items(struct arena *arena, const struct node *file)
{
	struct item *items = arena_alloc(arena, (file->file.count + 1) * sizeof(*items)), *end = items;
	struct node *node;

	for (node = file->file.items; node; node = node->next)
		*end++ = (struct item){.kind = node->kind, .node = node};
	return items;
}

static void load_imports(struct checker *checker, struct loading *loading, struct module *module)
{
	struct module_names *names = module->names;
	struct import **end = &names->imports;
	const struct item *item;

	for (item = items_of(module); item->node; item++) {
		struct import *import;

		if (item->kind != NODE_IMPORT)
			continue;
		import = arena_alloc(checker->arena, sizeof(*import));
		import->node = item->node;
		import->alias = item->node->import.alias.text;
		import->module = load_import(checker, loading, item->node);
		*end = import;
		end = &import->next;
	}
}

static struct module *load_module(struct checker *checker, struct loading *loading)
{
	struct compilation *compilation = checker->compilation;
	struct module *module = arena_alloc(checker->arena, sizeof(*module));
	uint32_t file = 0;
	const char *why = read_text(checker, loading->path, &file);

	if (why) {
		report_unreadable(checker, loading, why);
		return NULL;
	}
	*module = (struct module){
	    .compilation = compilation,
	    .path = loading->path,
	    .source = file,
	    .main = !loading->outer,
	};
	module->names = arena_alloc(checker->arena, sizeof(struct module_names));
	module->file =
	    parse_file(checker->arena, compilation->sources, file, compilation->diags, PARSE_NO_TOKENS);
	*table_place(checker->arena, &checker->modules, loading->path) = module;
	((struct module_names *)module->names)->items = list_items(checker->arena, module->file);
	load_imports(checker, loading, module);
	*checker->modules_end = module;
	checker->modules_end = &module->next;
	if (module->main)
		compilation->main = module;
	return module;
}

/* ---- passes ---- */

static void check_modules(struct checker *checker)
{
	struct module *module;

	checker->unread = checker->compilation->diags->errors > 0;
	for (module = checker->compilation->modules; module; module = module->next)
		declare_items(checker, module);
	for (module = checker->compilation->modules; module; module = module->next)
		check_globals(checker, module);
	for (module = checker->compilation->modules; module; module = module->next)
		check_callables(checker, module);
	for (module = checker->compilation->modules; module; module = module->next)
		check_plan_items(checker, module);
	check_effects(checker);
	list_people(checker);
	lint_all(checker);
}

/* ---- child plans ---- */

static const struct node *plan_item(const struct module *module)
{
	const struct item *item = items_of(module);

	while (item->node && item->kind != NODE_PLAN)
		item++;
	return item->node;
}

static void show_runs(struct diag *diag, const struct compilation *at, const struct compilation *first)
{
	if (at == first)
		return;
	show_runs(diag, at->outer, first);
	diag_secondary(diag, at->run_by->span, "runs %s", at->main->path);
}

/* A plan that runs itself would never end; the way there may lead over other plans. */
static bool refuse_circle(struct walk *w, const struct node *node, const char *path)
{
	struct compilation *own = w->checker->compilation, *first = own, *at;
	const char *way = path;
	struct diag *diag;

	while (first && strcmp(first->main->path, path) != 0)
		first = first->outer;
	if (!first)
		return false;
	for (at = own; at != first; at = at->outer)
		way = arena_printf(w->arena, "%s -> %s", at->main->path, way);
	diag = diag_error(w->diags, "E0702", node->run_plan.path->span, "this plan would run itself");
	show_runs(diag, own, first);
	diag_hint(diag, "the circle is %s -> %s", path, way);
	return true;
}

static bool refuse_deep(struct walk *w, const struct node *node)
{
	const struct compilation *at;
	int depth = 0;

	for (at = w->checker->compilation; at; at = at->outer)
		depth++;
	if (depth <= PLAN_DEPTH_MAX)
		return false;
	diag_error(w->diags, "E0703", node->span, "more than %d plans run each other in a row",
		   PLAN_DEPTH_MAX);
	return true;
}

static struct compilation *load_child(struct walk *w, struct node *node, const char *path)
{
	struct compilation *child = compilation_child(w->checker->compilation, node);
	struct checker *root = checker_of(child->root);
	struct loading loading = {.path = path, .import = node};
	struct module *module = load_module(checker_of(child), &loading);
	struct diag *diag;

	*table_place(w->arena, &root->plans, path) = child;
	if (!module)
		return NULL;
	if (plan_item(module)) {
		check_modules(checker_of(child));
		*root->plans_end = child;
		root->plans_end = &child->next;
		return child;
	}
	child->main = NULL;
	diag = diag_error(w->diags, "E0704", node->run_plan.path->span,
			  "%s is no plan: it has no `plan` item", path);
	diag_hint(diag, "what is there to be imported is not run: `import \"%s\"`",
		  node_literal_text(node->run_plan.path, NULL));
	return NULL;
}

struct compilation *child_plan(struct walk *w, struct node *node)
{
	const char *literal = node_literal_text(node->run_plan.path, NULL), *path;
	struct compilation *child;

	if (!literal)
		return NULL;
	if (!*literal) {
		diag_error(w->diags, "E0701", node->run_plan.path->span, "the path of this plan is empty");
		return NULL;
	}
	path = path_beside(w->arena, strcmp(w->module->path, "-") ? w->module->path : "", literal);
	if (refuse_circle(w, node, path))
		return NULL;
	child = table_find(&checker_of(w->checker->compilation->root)->plans, path);
	if (child)
		return child->main ? child : NULL;
	if (refuse_deep(w, node) || refuse_many(w->checker, node))
		return NULL;
	return load_child(w, node, path);
}

/* ---- the way in ---- */

static bool check_loaded(struct compilation *compilation, const char *path)
{
	struct checker *checker = checker_of(compilation);
	struct loading loading = {.path = strcmp(path, "-") == 0 ? "-" : normal_path(checker->arena, path)};

	if (load_module(checker, &loading))
		check_modules(checker);
	diags_unite(compilation->diags);
	return compilation->diags->errors == 0;
}

bool check_plan(struct compilation *compilation, const char *path)
{
	return check_loaded(compilation, path);
}

bool check_plan_from(struct compilation *compilation, const char *path,
		     char *(*read)(void *context, const char *path, size_t *length, char *error,
				   size_t error_size),
		     void *context)
{
	struct checker *checker = checker_of(compilation);

	checker->read = read;
	checker->read_context = context;
	return check_loaded(compilation, path);
}
