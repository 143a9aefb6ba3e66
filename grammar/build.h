/* build.h: the constructors that the grammar's actions call. Private to this folder.
 *
 * The first argument is the span of what is built, where it has one. A constructor checks what the grammar
 * leaves open (that a name is not reserved, that a word is one of three) and reports it; it reads no state
 * but the text.
 */
#ifndef GRAMMAR_BUILD_H
#define GRAMMAR_BUILD_H

#include "grammar/ast.h"

struct parser;

/* A list of nodes being built. */
struct list {
	struct node *first, *last;
	uint32_t count;
};

/* A copy of `*node` in the arena with this span and its depth; NODE_ERROR where the tree would be too deep.
 */
struct node *build_node(struct span at, struct parser *p, const struct node *node);
/* The comments above a line become its documentation. */
void build_doc(struct parser *p, struct node *node);

/* Appends `node`, with its documentation, to a list. */
static inline struct list build_list(struct parser *p, struct list list, struct node *node)
{
	/* Lists of these kinds are lines, which may have comments above. */
	if (node->kind < NODE_NULL && node->kind != NODE_ARM && node->kind != NODE_USE)
		build_doc(p, node);
	if (list.last)
		list.last->next = node;
	else
		list.first = node;
	list.last = node;
	list.count++;
	return list;
}

void build_result(struct parser *p, struct node *node);

/* Names. */
struct ident build_declared_name(struct parser *p, struct ident name); /* no reserved word */
struct ident build_readable_name(struct parser *p,
				 struct ident name); /* a parameter: can be read in expressions */

/* Items. */
struct node *build_plain_string(struct parser *p, struct node *string); /* no interpolation; may be NULL */
struct node *build_parameters(struct parser *p, struct list params);
struct node *build_untyped_parameter(struct span at, struct parser *p, struct ident name,
				     struct node *initial);

/* Choices among words. */
struct node *build_no_data(struct span at, struct parser *p, struct ident word, struct node *count);
struct node *build_on_reaction(struct span at, struct parser *p, struct ident event, struct ident word);
struct node *build_on_event(struct span at, struct parser *p, struct ident event, struct node *body);
struct node *build_rollback_while(struct span at, struct parser *p, struct ident word, struct node *body);
enum reaction build_check_reaction(struct parser *p, struct ident word);
bool build_shared(struct parser *p, struct ident word);
enum worse_when build_worse_when(struct parser *p, struct ident word);

/* Statements. */
struct node *build_call_statement(struct span at, struct parser *p, struct node *target);
struct node *build_bounded_loop(struct span at, struct parser *p, struct node *condition, struct node *limit,
				struct node *body);

/* Expressions. */
struct node *build_binary(struct span at, struct parser *p, enum operator op, struct span op_at,
			  struct node *left, struct node *right);
struct node *build_call(struct span at, struct parser *p, struct node *callee, struct list arguments);
struct node *build_quantifier(struct span at, struct parser *p, struct node *name, struct node *comprehended);
struct node *build_comprehension(struct span at, struct node *comprehended);
struct node *build_string(struct span at, struct parser *p);
struct node *build_interpolated(struct span at, struct parser *p, struct list parts);
struct node *build_quoted_entry(struct span at, struct parser *p, struct node *key, struct node *value);

/* Types. */
struct node *build_type_list(struct span at, struct parser *p, struct ident name, struct node *element);
struct node *build_type_enum(struct span at, struct parser *p, struct node *base, struct span values_at,
			     struct list values);

#endif
