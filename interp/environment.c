/* environment.c - see environment.h. */
#include "interp/environment.h"

#include <string.h>

#include "interp/constant.h"

const struct node *environment_next(struct module **module, const struct node *from, const char *name)
{
	const struct node *item = from ? from->next : *module ? (*module)->file->file.items : NULL;

	for (;;) {
		for (; item; item = item->next)
			if (item->kind == NODE_ENVIRONMENT && item->environment.name.text &&
			    (!name || strcmp(item->environment.name.text, name) == 0))
				return item;
		if (!*module || !(*module = (*module)->next))
			return NULL;
		item = (*module)->file->file.items;
	}
}

const char *environment_default(const struct compilation *compilation)
{
	struct module *module = compilation->modules;
	const struct node *item = NULL;
	const char *name = NULL;

	while ((item = environment_next(&module, item, NULL)))
		if (item->environment.is_default)
			name = item->environment.name.text;
	return name;
}

const struct node *environment_setting(const struct compilation *compilation, const char *name,
				       const struct node *param)
{
	struct module *module = compilation->modules;
	const struct node *item = NULL, *setting, *found = NULL;

	while (name && (item = environment_next(&module, item, name)))
		for (setting = item->environment.settings; setting; setting = setting->next)
			if (setting->kind == NODE_SETTING && setting->symbol &&
			    setting->symbol == param->symbol)
				found = setting;
	return found;
}

bool environment_value(const struct node *setting, struct value *out)
{
	struct span where;

	return constant_evaluate(setting->setting.value, false, out, &where);
}
