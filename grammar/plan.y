/* plan.y: the grammar.
 *
 * Actions only call constructors (build.h), whose first argument is the span. What makes this grammar plain LALR
 * is done before it: words.c turns words into keywords or names by where they stand, layout.c drops the newlines
 * that end nothing, brackets.c tells apart the braces of lists of lines (LBRACE), of the values of an if or match
 * expression (VALUE_OPEN) and of records (RECORD_OPEN). A newline that arrives here stands between two lines of a
 * list: never first, never last, never twice.
 *
 * Recovery: a line that cannot be read becomes NODE_ERROR, together with the block at its end if it has one; the
 * next line is read afresh. Each recovery calls recovered(), which lets the next error be reported. Only the
 * brackets of lists of lines are met there: what else is open when an error occurs closes with tokens that no
 * recovery takes for its end.
 */
%require "3.8"
%skeleton "./push.m4"
%define api.location.type {struct span}
%define api.token.prefix {TOK_}
%define lr.type ielr
%locations
%expect 0
%parse-param {struct parser *p}

%code requires {
#include "grammar/build.h"
}

%code {
#include "grammar/parser.h"

#define YYLLOC_DEFAULT(current, rhs, n)                                            \
	((current) = (n) ? span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n))           \
	                 : (struct span){ YYRHSLOC(rhs, 0).file, YYRHSLOC(rhs, 0).to, YYRHSLOC(rhs, 0).to })

/* A bracket takes some ten places on the parser's stack; layout.c stops at RUNPLAN_MAX_DEPTH brackets. */
#define YYMAXDEPTH (32 * RUNPLAN_MAX_DEPTH)

#define NEW(at, kind_, ...) build_node(at, p, &(struct node){ .kind = NODE_##kind_, __VA_ARGS__ })
#define ADD(list, node) build_list(p, list, node)

static void yyerror(const struct span *at, struct parser *p, const char *message);

#define recovered() (yyerrok, syntax_recovered(p))
}

%union {
	struct node *node;
	struct list list;
	struct ident ident;
	enum operator operator;
	enum reaction reaction;
	bool flag;
}

%token END 0 "the end of the file"
%token NEWLINE "the end of the line"
%token <ident> NAME "a name" KEY "a name with `:`"
%token <node> NUMBER "a number"
%token STRING "a string" STRING_OPEN "the beginning of a string" TEXT "text"
%token STRING_CLOSE "the end of the string"
%token LABEL "the label" LABEL_OPEN "the beginning of the label" LABEL_CLOSE "the end of the label"
%token INTERPOLATION_OPEN "${" INTERPOLATION_CLOSE "the `}` of `${`"
%token LBRACE "{" RBRACE "}" VALUE_OPEN "the `{` of a value" VALUE_CLOSE "the `}` of the value"
%token RECORD_OPEN "the `{` of a record" RECORD_CLOSE "the `}` of the record"
%token LPAREN "(" RPAREN ")" LBRACKET "[" RBRACKET "]"
%token COMMA "," DOT "." COLON ":" ASSIGN "=" ARROW "=>" ELSE_ARROW "else =>" RESULT "->" BAR "|"
%token ELLIPSIS "..."
%token COALESCE "??" EQ "==" NE "!=" LT "<" LE "<=" GT ">" GE ">=" RANGE ".." PLUS "+" MINUS "-" STAR "*"
%token SLASH "/"

%token AND "and" OR "or" NOT "not" IN "in" MATCHES "matches" MOD "mod" TRUE "true" FALSE "false" NULL "null"
%token IF "if" ELSE "else" MATCH "match" FOR "for" WHILE "while" LET "let" VAR "var" RETURN "return"
%token IMPORT "import" PARAM "param" SECRET "secret" ENVIRONMENT "environment" DEFAULTS "defaults" FUNC "func"
%token TASK "task" THRESHOLD "threshold" TEST "test" PLAN "plan"
%token PHASE "phase" STEP "step" PARALLEL "parallel" TRY "try" REQUIRE "require" SKIP "skip" EXPECT "expect"
%token VERIFY "verify" MANUAL "manual" APPROVE "approve" CONFIRM "confirm" WAIT "wait" HOLD "hold"
%token WATCH "watch"
%token CHECKPOINT "checkpoint" COMMIT "commit" DEFER "defer" LOG "log" WARN "warn" FAIL "fail" JUDGE "judge"
%token RUN "run"
%token TIMEOUT "timeout" RETRY "retry" ROLLBACK "rollback" ON "on" FINALLY "finally"
%token LOCK "lock" MEASURE "measure" MUST "must" EVERY "every" AFTER "after" BREACH "breach" NO "no"
%token ACTION "action"
%token PASS "pass" ASK "ask" METRIC "metric" CANARY "canary" BASELINE "baseline" WORSE "worse"
%token TOLERATE "tolerate"
%token WEIGHT "weight" CRITICAL "critical" GIVEN "given"
%token AS "as" AT "at" BACKOFF "backoff" BECAUSE "because" BY "by" CATCH "catch" DEFAULT "default"
%token FAILS "fails"
%token HANGS "hangs" OF "of" ONCE "once" REFUSES "refuses" RETURNS "returns" TAKES "takes" TIMES "times"
%token TYPING "typing" WATCHING "watching" WHERE "where"
%token WITH "with" WITHIN "within"
%token BETWEEN "between" BEYOND "beyond" DATA "data" MOST "most" NONE "none" UNTIL "until" WHEN "when"

/* What is to be read: pushed before the first token. */
%token START_FILE START_EXPRESSION START_TYPE START_SIGNATURE

/* Only between the scanner and layout.c. */
%token RAW_NEWLINE RAW_COMMENT RAW_UNKNOWN RAW_UNCLOSED RAW_UNCLOSED_MULTILINE

%left OR
%left AND
%precedence NOT
%nonassoc EQ NE LT LE GT GE IN MATCHES
%right COALESCE
%left PLUS MINUS
%left STAR SLASH MOD
%precedence NEGATION
%precedence AS
%precedence DOT LBRACKET LPAREN

%type <node> line unreadable declared setting plan_setting clause part block otherwise arm else_arm
%type <node> value_arm value_else_arm judge_part metric_part expr arith value_if value_else
%type <node> string label argument entry path target use type type_choice type_field parameter
%type <node> signature opt_string opt_type opt_initial opt_where opt_filter opt_record opt_within opt_every
%type <node> opt_limit opt_backoff opt_message opt_because opt_typing opt_of opt_value comprehended opt_times
%type <node> opt_after opt_with
%type <list> lines settings setting_list plan_settings plan_setting_list clauses clause_list parts part_list
%type <list> arms value_arms patterns judge_parts judge_part_list metric_parts metric_part_list uses
%type <list> opt_watching string_parts expressions expr_list entries entry_list arguments argument_list
%type <list> opt_params parameters parameter_list type_choices type_fields type_field_list
%type <ident> opt_alias opt_name
%type <operator> comparison
%type <reaction> opt_reaction
%type <flag> opt_default opt_shared

%%

input:
  START_FILE lines
    { build_result(p, NEW(@$, FILE, .file = { .items = $2.first, .count = $2.count })); }
| START_EXPRESSION expr                 { build_result(p, $2); }
| START_TYPE type                       { build_result(p, $2); }
| START_SIGNATURE signature             { build_result(p, $2); }
| START_EXPRESSION error
| START_TYPE error
| START_SIGNATURE error
;

/* ---- lists of lines ---- */

/* The lines of a file and of a block are one rule, whose parts stand all over this file: words.c makes item keywords only
 * at the top of a file. A rule for items, another for statements and so on would be a step more for each line. */
lines:
  %empty                                { $$ = (struct list){ 0 }; }
| line                                  { $$ = ADD((struct list){ 0 }, $1); }
| lines NEWLINE line                    { $$ = ADD($1, $3); }
;

line:
  unreadable
;

unreadable:
  error                                 { recovered(); $$ = NEW(@$, ERROR); }
| error open lines "}"                  { $$ = NEW(@$, ERROR); }
;

open:
  "{"                                   { recovered(); }
;

block:
  "{" lines "}"                         { $$ = NEW(@$, BLOCK, .block = { $2.first, $2.count }); }
;

/* ---- items ---- */

line:
  PLAN string                           { $$ = NEW(@$, PLAN, .plan = { .title = $2 }); }
| PLAN string "{" plan_settings "}"     { $$ = NEW(@$, PLAN, .plan = { $2, $4.first }); }
;

plan_settings:
  %empty                                { $$ = (struct list){ 0 }; }
| plan_setting_list
;

plan_setting_list:
  plan_setting                          { $$ = ADD((struct list){ 0 }, $1); }
| plan_setting_list NEWLINE plan_setting { $$ = ADD($1, $3); }
;

plan_setting:
  LOCK expr                             { $$ = NEW(@$, LOCK, .value = $2); }
| TIMEOUT arith                         { $$ = NEW(@$, TIMEOUT, .value = $2); }
| ROLLBACK WITHIN arith
    { $$ = NEW(@$, ROLLBACK, .rollback = { .mode = ROLLBACK_BOUND, .within = $3 }); }
| unreadable
;

line:
  IMPORT string opt_alias
    { $$ = NEW(@$, IMPORT, .import = { build_plain_string(p, $2), $3 }); }
;

opt_alias:
  %empty                                { $$ = (struct ident){ 0 }; }
| AS NAME                               { $$ = build_declared_name(p, $2); }
;

line:
  PARAM KEY type opt_initial opt_where opt_string
    { $$ = NEW(@$, PARAM, .param = { build_readable_name(p, $2), $3, $4, $5, build_plain_string(p, $6),
                      false }); }
;

opt_initial:
  %empty                                { $$ = NULL; }
| "=" expr                              { $$ = $2; }
;

opt_where:
  %empty                                { $$ = NULL; }
| WHERE expr                            { $$ = $2; }
;

line:
  SECRET NAME "=" expr
    { $$ = NEW(@$, SECRET, .secret = { build_declared_name(p, $2), $4 }); }
;

line:
  ENVIRONMENT NAME opt_default "{" settings "}"
    { $$ = NEW(@$, ENVIRONMENT, .environment = { $2, $5.first, $3 }); }
;

opt_default:
  %empty                                { $$ = false; }
| DEFAULT                               { $$ = true; }
;

line:
  DEFAULTS "{" settings "}"             { $$ = NEW(@$, DEFAULTS, .defaults = { $3.first }); }
;

settings:
  %empty                                { $$ = (struct list){ 0 }; }
| setting_list
;

setting_list:
  setting                               { $$ = ADD((struct list){ 0 }, $1); }
| setting_list NEWLINE setting          { $$ = ADD($1, $3); }
;

setting:
  path "=" expr                         { $$ = NEW(@$, SETTING, .setting = { $1, $3 }); }
| unreadable
;

line:
  FUNC NAME parameters opt_type opt_string block
    { $$ = NEW(@$, FUNC, .callable = { build_declared_name(p, $2), build_parameters(p, $3), $4,
                      build_plain_string(p, $5), $6 }); }
;

line:
  TASK NAME parameters opt_type opt_string block
    { $$ = NEW(@$, TASK, .callable = { build_declared_name(p, $2), build_parameters(p, $3), $4,
                      build_plain_string(p, $5), $6 }); }
;

line:
  THRESHOLD NAME opt_params opt_string "{" clauses "}"
    { $$ = NEW(@$, THRESHOLD, .callable = { build_declared_name(p, $2), build_parameters(p, $3), NULL,
                      build_plain_string(p, $4), $6.first }); }
;

opt_params:
  %empty                                { $$ = (struct list){ 0 }; }
| parameters
;

parameters:
  "(" ")"                               { $$ = (struct list){ 0 }; }
| "(" parameter_list ")"                { $$ = $2; }
| "(" parameter_list "," ")"            { $$ = $2; }
;

parameter_list:
  parameter                             { $$ = ADD((struct list){ 0 }, $1); }
| parameter_list "," parameter          { $$ = ADD($1, $3); }
;

parameter:
  KEY type opt_initial
    { $$ = NEW(@$, PARAM, .param = { .name = $1, .type = $2, .initial = $3 }); }
| KEY type "..."
    { $$ = NEW(@$, PARAM, .param = { .name = $1, .type = $2, .variadic = true }); }
| NAME opt_initial                      { $$ = build_untyped_parameter(@$, p, $1, $2); }
;

opt_type:
  %empty                                { $$ = NULL; }
| ":" type                              { $$ = $2; }
;

opt_string:
  %empty                                { $$ = NULL; }
| string
;

line:
  TEST string "{" parts "}"             { $$ = NEW(@$, TEST, .test = { $2, $4.first }); }
;

parts:
  %empty                                { $$ = (struct list){ 0 }; }
| part_list
;

part_list:
  part                                  { $$ = ADD((struct list){ 0 }, $1); }
| part_list NEWLINE part                { $$ = ADD($1, $3); }
;

part:
  GIVEN target RETURNS expr opt_times opt_after
    { $$ = NEW(@$, GIVEN, .given = { .target = $2, .verb = VERB_RETURNS, .value = $4, .times = $5, .after = $6 }); }
| GIVEN target FAILS expr opt_with opt_times opt_after
    {
      $$ = NEW(@$, GIVEN, .given = { .target = $2, .verb = VERB_FAILS, .value = $4, .with = $5, .times = $6,
                                     .after = $7 });
    }
| GIVEN target REFUSES expr opt_times opt_after
    { $$ = NEW(@$, GIVEN, .given = { .target = $2, .verb = VERB_REFUSES, .value = $4, .times = $5, .after = $6 }); }
| GIVEN target TAKES expr opt_times
    { $$ = NEW(@$, GIVEN, .given = { .target = $2, .verb = VERB_TAKES, .value = $4, .times = $5 }); }
| GIVEN target HANGS opt_times
    { $$ = NEW(@$, GIVEN, .given = { .target = $2, .verb = VERB_HANGS, .times = $4 }); }
| RUN opt_string opt_record             { $$ = NEW(@$, TEST_RUN, .test_run = { $2, $3 }); }
| EXPECT expr                           { $$ = NEW(@$, EXPECT, .check = { .condition = $2 }); }
| EXPECT label expr                     { $$ = NEW(@$, EXPECT, .check = { .label = $2, .condition = $3 }); }
| declared
| unreadable
;

/* `once` is one time. */
opt_times:
  %empty                                { $$ = NULL; }
| ONCE                                  { $$ = NEW(@$, INT, .integer = 1); }
| NUMBER TIMES                          { $$ = $1; }
;

opt_after:
  %empty                                { $$ = NULL; }
| AFTER expr                            { $$ = $2; }
;

opt_with:
  %empty                                { $$ = NULL; }
| WITH expr                             { $$ = $2; }
;

opt_record:
  %empty                                { $$ = NULL; }
| RECORD_OPEN entries RECORD_CLOSE { $$ = NEW(@$, RECORD, .record = { $2.first, $2.count }); }
;

/* ---- clauses of a threshold ---- */

clauses:
  %empty                                { $$ = (struct list){ 0 }; }
| clause_list
;

clause_list:
  clause                                { $$ = ADD((struct list){ 0 }, $1); }
| clause_list NEWLINE clause            { $$ = ADD($1, $3); }
;

clause:
  MEASURE expr                          { $$ = NEW(@$, MEASURE, .value = $2); }
| MUST comparison arith                 { $$ = NEW(@$, MUST, .must = { MUST_COMPARE, $2, $3, NULL }); }
| MUST BETWEEN arith AND arith          { $$ = NEW(@$, MUST, .must = { MUST_BETWEEN, OP_NONE, $3, $5 }); }
| MUST WITHIN arith OF arith            { $$ = NEW(@$, MUST, .must = { MUST_WITHIN, OP_NONE, $3, $5 }); }
| EVERY arith                           { $$ = NEW(@$, EVERY, .value = $2); }
| AFTER arith                           { $$ = NEW(@$, AFTER, .value = $2); }
| BREACH AFTER arith opt_of             { $$ = NEW(@$, BREACH, .breach = { .count = $3, .window = $4 }); }
| BREACH FOR arith                      { $$ = NEW(@$, BREACH, .breach = { .duration = $3 }); }
| NO DATA NAME opt_value                { $$ = build_no_data(@$, p, $3, $4); }
| ON NAME NAME                          { $$ = build_on_reaction(@$, p, $2, $3); }
| ACTION expr                           { $$ = NEW(@$, ACTION, .value = $2); }
| unreadable
;

comparison:
  "=="                                  { $$ = OP_EQ; }
| "<"                                   { $$ = OP_LT; }
| "<="                                  { $$ = OP_LE; }
| ">"                                   { $$ = OP_GT; }
| ">="                                  { $$ = OP_GE; }
;

opt_of:
  %empty                                { $$ = NULL; }
| OF arith                              { $$ = $2; }
;

opt_value:
  %empty                                { $$ = NULL; }
| arith
;

/* ---- statements ---- */

line:
  declared
| target                                { $$ = build_call_statement(@$, p, $1); }
| PARALLEL block                        { $$ = NEW(@$, PARALLEL, .body = $2); }
| REQUIRE expr opt_message              { $$ = NEW(@$, REQUIRE, .guard = { $2, $3 }); }
| SKIP IF expr opt_because              { $$ = NEW(@$, SKIP, .guard = { $3, $4 }); }
| VERIFY opt_string block               { $$ = NEW(@$, VERIFY, .verify = { $2, $3 }); }
| DEFER block                           { $$ = NEW(@$, DEFER, .body = $2); }
;

declared:
  LET NAME "=" expr
    { $$ = NEW(@$, LET, .binding = { build_declared_name(p, $2), $4 }); }
;

line:
  VAR NAME "=" expr
    { $$ = NEW(@$, VAR, .binding = { build_declared_name(p, $2), $4 }); }
| NAME "=" expr                         { $$ = NEW(@$, ASSIGN, .binding = { $1, $3 }); }
;

line:
  LOG expr                              { $$ = NEW(@$, LOG, .value = $2); }
| WARN expr                             { $$ = NEW(@$, WARN, .value = $2); }
| FAIL expr                             { $$ = NEW(@$, FAIL, .value = $2); }
| RETURN                                { $$ = NEW(@$, RETURN); }
| RETURN expr                           { $$ = NEW(@$, RETURN, .value = $2); }
| CHECKPOINT string                     { $$ = NEW(@$, CHECKPOINT, .value = $2); }
| COMMIT string                         { $$ = NEW(@$, COMMIT, .value = $2); }
;

line:
  IF expr block                         { $$ = NEW(@$, IF, .choice = { .condition = $2, .then = $3 }); }
| IF expr block ELSE otherwise          { $$ = NEW(@$, IF, .choice = { $2, $3, $5, false }); }
| MATCH expr "{" arms "}"               { $$ = NEW(@$, MATCH, .match = { $2, $4.first, $4.count, false }); }
;

otherwise:
  block
| IF expr block                         { $$ = NEW(@$, IF, .choice = { .condition = $2, .then = $3 }); }
| IF expr block ELSE otherwise          { $$ = NEW(@$, IF, .choice = { $2, $3, $5, false }); }
;

arms:
  arm                                   { $$ = ADD((struct list){ 0 }, $1); }
| arms NEWLINE arm                      { $$ = ADD($1, $3); }
| arms else_arm                         { $$ = ADD($1, $2); }
;

arm:
  patterns "=>" expr                    { $$ = NEW(@$, ARM, .arm = { $1.first, $3 }); }
| patterns "=>" block                   { $$ = NEW(@$, ARM, .arm = { $1.first, $3 }); }
| else_arm
| unreadable
;

else_arm:
  ELSE_ARROW expr                       { $$ = NEW(@$, ARM, .arm = { NULL, $2 }); }
| ELSE_ARROW block                      { $$ = NEW(@$, ARM, .arm = { NULL, $2 }); }
;

patterns:
  expr                                  { $$ = ADD((struct list){ 0 }, $1); }
| patterns "," expr                     { $$ = ADD($1, $3); }
;

line:
  FOR NAME IN expr block
    { $$ = NEW(@$, FOR, .loop = { build_declared_name(p, $2), $4, NULL, $5 }); }
| FOR NAME IN expr AT MOST arith AT ONCE block
    { $$ = NEW(@$, FOR, .loop = { build_declared_name(p, $2), $4, $7, $10 }); }
| WHILE expr opt_limit block
    { $$ = build_bounded_loop(@$, p, $2, $3, $4); }
;

opt_limit:
  %empty                                { $$ = NULL; }
| AT MOST arith TIMES                   { $$ = $3; }
;

line:
  TRY block CATCH NAME block
    { $$ = NEW(@$, TRY, .attempt = { $2, build_declared_name(p, $4), $5 }); }
;

opt_message:
  %empty                                { $$ = NULL; }
| ELSE expr                             { $$ = $2; }
;

opt_because:
  %empty                                { $$ = NULL; }
| BECAUSE expr                          { $$ = $2; }
;

line:
  EXPECT label expr opt_within opt_every opt_reaction
    { $$ = NEW(@$, EXPECT, .check = { $2, $3, $4, $5, $6 }); }
;

opt_within:
  %empty                                { $$ = NULL; }
| WITHIN arith                          { $$ = $2; }
;

opt_every:
  %empty                                { $$ = NULL; }
| EVERY arith                           { $$ = $2; }
;

opt_reaction:
  %empty                                { $$ = REACTION_NONE; }
| ELSE NAME                             { $$ = build_check_reaction(p, $2); }
;

line:
  MANUAL string opt_within
    { $$ = NEW(@$, MANUAL, .person = { .text = $2, .within = $3 }); }
| CONFIRM string opt_typing opt_within
    { $$ = NEW(@$, CONFIRM, .person = { .text = $2, .phrase = $3, .within = $4 }); }
| APPROVE string BY arith opt_of opt_within
    { $$ = NEW(@$, APPROVE, .person = { .text = $2, .count = $4, .people = $5, .within = $6 }); }
;

opt_typing:
  %empty                                { $$ = NULL; }
| TYPING expr                           { $$ = $2; }
;

line:
  WAIT UNTIL expr opt_within opt_every opt_reaction
    { $$ = NEW(@$, WAIT, .check = { NULL, $3, $4, $5, $6 }); }
| HOLD arith opt_watching
    { $$ = NEW(@$, HOLD, .hold = { .duration = $2, .watching = $3.first }); }
| HOLD UNTIL arith opt_watching
    { $$ = NEW(@$, HOLD, .hold = { .until = $3, .watching = $4.first }); }
;

opt_watching:
  %empty                                { $$ = (struct list){ 0 }; }
| WATCHING uses                         { $$ = $2; }
;

line:
  WATCH uses block                      { $$ = NEW(@$, WATCH, .watch = { $2.first, $3 }); }
;

uses:
  use                                   { $$ = ADD((struct list){ 0 }, $1); }
| uses "," use                          { $$ = ADD($1, $3); }
;

use:
  path                                  { $$ = NEW(@$, USE, .use = { .threshold = $1 }); }
| path "(" arguments ")"                { $$ = NEW(@$, USE, .use = { $1, $3.first, $3.count }); }
;

line:
  RUN PLAN string opt_record opt_shared { $$ = NEW(@$, RUN_PLAN, .run_plan = { build_plain_string(p, $3), $4, $5 }); }
;

opt_shared:
  %empty                                { $$ = false; }
| WITH NAME                             { $$ = build_shared(p, $2); }
;

line:
  PHASE string block
    { $$ = NEW(@$, PHASE, .phase = { .title = $2, .body = $3 }); }
| PHASE string EXPECT arith ".." arith block
    { $$ = NEW(@$, PHASE, .phase = { $2, $4, $6, $7 }); }
;

line:
  STEP opt_name string block            { $$ = NEW(@$, STEP, .step = { $2, $3, $4 }); }
;

opt_name:
  %empty                                { $$ = (struct ident){ 0 }; }
| NAME                                  { $$ = build_declared_name(p, $1); }
;

line:
  TIMEOUT arith                         { $$ = NEW(@$, TIMEOUT, .value = $2); }
| RETRY arith opt_every opt_backoff     { $$ = NEW(@$, RETRY, .retry = { $2, $3, $4 }); }
| ON NAME block                         { $$ = build_on_event(@$, p, $2, $3); }
| ON NAME NAME                          { $$ = build_on_reaction(@$, p, $2, $3); }
| FINALLY block                         { $$ = NEW(@$, ON, .on = { EVENT_FINALLY, $2 }); }
;

opt_backoff:
  %empty                                { $$ = NULL; }
| BACKOFF arith                         { $$ = $2; }
;

line:
  ROLLBACK block                        { $$ = NEW(@$, ROLLBACK, .rollback = { .body = $2 }); }
| ROLLBACK WITHIN arith block
    { $$ = NEW(@$, ROLLBACK, .rollback = { .within = $3, .body = $4 }); }
| ROLLBACK WHILE NAME block             { $$ = build_rollback_while(@$, p, $3, $4); }
| ROLLBACK NONE string
    { $$ = NEW(@$, ROLLBACK, .rollback = { ROLLBACK_NOTHING, .reason = $3 }); }
;

/* ---- judge ---- */

line:
  JUDGE string "{" judge_parts "}"      { $$ = NEW(@$, JUDGE, .judge = { $2, $4.first }); }
;

judge_parts:
  %empty                                { $$ = (struct list){ 0 }; }
| judge_part_list
;

judge_part_list:
  judge_part                            { $$ = ADD((struct list){ 0 }, $1); }
| judge_part_list NEWLINE judge_part    { $$ = ADD($1, $3); }
;

judge_part:
  HOLD arith opt_every                  { $$ = NEW(@$, HOLD, .hold = { .duration = $2, .every = $3 }); }
| PASS arith                            { $$ = NEW(@$, PASS, .value = $2); }
| ASK arith                             { $$ = NEW(@$, ASK, .value = $2); }
| METRIC string "{" metric_parts "}"    { $$ = NEW(@$, METRIC, .metric = { $2, $4.first }); }
| unreadable
;

metric_parts:
  %empty                                { $$ = (struct list){ 0 }; }
| metric_part_list
;

metric_part_list:
  metric_part                           { $$ = ADD((struct list){ 0 }, $1); }
| metric_part_list NEWLINE metric_part  { $$ = ADD($1, $3); }
;

metric_part:
  CANARY expr                           { $$ = NEW(@$, CANARY, .value = $2); }
| BASELINE expr                         { $$ = NEW(@$, BASELINE, .value = $2); }
| WORSE WHEN NAME                       { $$ = NEW(@$, WORSE, .worse = build_worse_when(p, $3)); }
| TOLERATE arith                        { $$ = NEW(@$, TOLERATE, .value = $2); }
| WEIGHT arith                          { $$ = NEW(@$, WEIGHT, .value = $2); }
| CRITICAL BEYOND arith                 { $$ = NEW(@$, CRITICAL, .value = $3); }
| unreadable
;

/* ---- expressions ---- */

expr:
  arith
| expr OR expr                          { $$ = build_binary(@$, p, OP_OR, @2, $1, $3); }
| expr AND expr                         { $$ = build_binary(@$, p, OP_AND, @2, $1, $3); }
| NOT expr                              { $$ = NEW(@$, UNARY, .unary = { OP_NOT, $2 }); }
| expr EQ expr                          { $$ = build_binary(@$, p, OP_EQ, @2, $1, $3); }
| expr NE expr                          { $$ = build_binary(@$, p, OP_NE, @2, $1, $3); }
| expr LT expr                          { $$ = build_binary(@$, p, OP_LT, @2, $1, $3); }
| expr LE expr                          { $$ = build_binary(@$, p, OP_LE, @2, $1, $3); }
| expr GT expr                          { $$ = build_binary(@$, p, OP_GT, @2, $1, $3); }
| expr GE expr                          { $$ = build_binary(@$, p, OP_GE, @2, $1, $3); }
| expr IN expr                          { $$ = build_binary(@$, p, OP_IN, @2, $1, $3); }
| expr MATCHES expr                     { $$ = build_binary(@$, p, OP_MATCHES, @2, $1, $3); }
| expr "??" expr                        { $$ = build_binary(@$, p, OP_DEFAULT, @2, $1, $3); }
| arith ".." arith                      { $$ = NEW(@$, RANGE, .range = { $1, $3 }); }
;

/* What may stand where a word of the language or a `..` follows: bounds, counts, durations. */
arith:
  NAME                                  { $$ = NEW(@$, NAME, .name = $1.text); }
| NUMBER
| string
| TRUE                                  { $$ = NEW(@$, BOOL, .boolean = true); }
| FALSE                                 { $$ = NEW(@$, BOOL, .boolean = false); }
| NULL                                  { $$ = NEW(@$, NULL); }
| "(" expr ")"                          { $$ = $2; }
| "[" expressions "]"                   { $$ = NEW(@$, LIST, .list = { $2.first, $2.count }); }
| "[" comprehended "]"                  { $$ = build_comprehension(@$, $2); }
| RECORD_OPEN entries RECORD_CLOSE      { $$ = NEW(@$, RECORD, .record = { $2.first, $2.count }); }
| value_if
| MATCH expr "{" value_arms "}"         { $$ = NEW(@$, MATCH, .match = { $2, $4.first, $4.count, true }); }
| arith "." NAME                        { $$ = NEW(@$, FIELD, .field = { $1, $3 }); }
| arith "[" expr "]"                    { $$ = NEW(@$, INDEX, .index = { $1, $3 }); }
| arith "(" arguments ")"               { $$ = build_call(@$, p, $1, $3); }
| arith "(" comprehended ")"            { $$ = build_quantifier(@$, p, $1, $3); }
| arith PLUS arith                      { $$ = build_binary(@$, p, OP_ADD, @2, $1, $3); }
| arith MINUS arith                     { $$ = build_binary(@$, p, OP_SUB, @2, $1, $3); }
| arith STAR arith                      { $$ = build_binary(@$, p, OP_MUL, @2, $1, $3); }
| arith SLASH arith                     { $$ = build_binary(@$, p, OP_DIV, @2, $1, $3); }
| arith MOD arith                       { $$ = build_binary(@$, p, OP_MOD, @2, $1, $3); }
| MINUS arith %prec NEGATION            { $$ = NEW(@$, UNARY, .unary = { OP_NEGATE, $2 }); }
| arith AS NAME                         { $$ = NEW(@$, AS, .as = { $1, $3 }); }
;

comprehended:
  expr FOR NAME IN expr opt_filter
    { $$ = NEW(@$, COMPREHENSION, .comprehension = { $1, build_declared_name(p, $3), $5, $6 }); }
;

opt_filter:
  %empty                                { $$ = NULL; }
| IF expr                               { $$ = $2; }
;

value_if:
  IF expr VALUE_OPEN expr VALUE_CLOSE ELSE value_else
    { $$ = NEW(@$, IF, .choice = { $2, $4, $7, true }); }
;

value_else:
  VALUE_OPEN expr VALUE_CLOSE           { $$ = $2; }
| value_if
;

value_arms:
  value_arm                             { $$ = ADD((struct list){ 0 }, $1); }
| value_arms NEWLINE value_arm          { $$ = ADD($1, $3); }
| value_arms value_else_arm             { $$ = ADD($1, $2); }
;

value_arm:
  patterns "=>" expr                    { $$ = NEW(@$, ARM, .arm = { $1.first, $3 }); }
| patterns "=>" VALUE_OPEN expr VALUE_CLOSE { $$ = NEW(@$, ARM, .arm = { $1.first, $4 }); }
| value_else_arm
| unreadable
;

value_else_arm:
  ELSE_ARROW expr                       { $$ = NEW(@$, ARM, .arm = { NULL, $2 }); }
| ELSE_ARROW VALUE_OPEN expr VALUE_CLOSE { $$ = NEW(@$, ARM, .arm = { NULL, $3 }); }
;

string:
  STRING                                { $$ = build_string(@$, p); }
| STRING_OPEN string_parts STRING_CLOSE { $$ = build_interpolated(@$, p, $2); }
;

label:
  LABEL                                 { $$ = build_string(@$, p); }
| LABEL_OPEN string_parts LABEL_CLOSE   { $$ = build_interpolated(@$, p, $2); }
;

string_parts:
  %empty                                { $$ = (struct list){ 0 }; }
| string_parts TEXT                     { $$ = ADD($1, NEW(@2, TEXT)); }
| string_parts "${" expr INTERPOLATION_CLOSE { $$ = ADD($1, $3); }
;

expressions:
  %empty                                { $$ = (struct list){ 0 }; }
| expr_list
| expr_list ","
;

expr_list:
  expr                                  { $$ = ADD((struct list){ 0 }, $1); }
| expr_list "," expr                    { $$ = ADD($1, $3); }
;

entries:
  %empty                                { $$ = (struct list){ 0 }; }
| entry_list
| entry_list ","
;

entry_list:
  entry                                 { $$ = ADD((struct list){ 0 }, $1); }
| entry_list "," entry                  { $$ = ADD($1, $3); }
;

entry:
  KEY expr                              { $$ = NEW(@$, ENTRY, .entry = { $1, $2, false }); }
| string ":" expr                       { $$ = build_quoted_entry(@$, p, $1, $3); }
;

arguments:
  %empty                                { $$ = (struct list){ 0 }; }
| argument_list
| argument_list ","
;

argument_list:
  argument                              { $$ = ADD((struct list){ 0 }, $1); }
| argument_list "," argument            { $$ = ADD($1, $3); }
;

argument:
  expr                                  { $$ = NEW(@$, ARGUMENT, .argument = { .value = $1 }); }
| KEY expr                              { $$ = NEW(@$, ARGUMENT, .argument = { $1, $2 }); }
;

/* What a line may begin with: a name and what hangs on it. */
target:
  NAME                                  { $$ = NEW(@$, NAME, .name = $1.text); }
| target "." NAME                       { $$ = NEW(@$, FIELD, .field = { $1, $3 }); }
| target "[" expr "]"                   { $$ = NEW(@$, INDEX, .index = { $1, $3 }); }
| target "(" arguments ")"              { $$ = build_call(@$, p, $1, $3); }
;

path:
  NAME                                  { $$ = NEW(@$, NAME, .name = $1.text); }
| path "." NAME                         { $$ = NEW(@$, FIELD, .field = { $1, $3 }); }
;

/* ---- types ---- */

type:
  type_choice
| type_choices                          { $$ = NEW(@$, TYPE_UNION, .type_union = { $1.first }); }
;

type_choices:
  type_choice "|" type_choice           { $$ = ADD(ADD((struct list){ 0 }, $1), $3); }
| type_choices "|" type_choice          { $$ = ADD($1, $3); }
;

type_choice:
  NAME                                  { $$ = NEW(@$, TYPE_NAME, .type_name = $1.text); }
| NULL                                  { $$ = NEW(@$, TYPE_NAME, .type_name = "null"); }
| NAME "(" type ")"                     { $$ = build_type_list(@$, p, $1, $3); }
| RECORD_OPEN type_fields RECORD_CLOSE  { $$ = NEW(@$, TYPE_RECORD, .type_record = { $2.first }); }
| IN "[" expressions "]"                 { $$ = build_type_enum(@$, p, NULL, span_join(@2, @4), $3); }
| NAME IN "[" expressions "]"
    { $$ = build_type_enum(@$, p, NEW(@1, TYPE_NAME, .type_name = $1.text), span_join(@3, @5), $4); }
;

type_fields:
  %empty                                { $$ = (struct list){ 0 }; }
| type_field_list
| type_field_list ","
;

type_field_list:
  type_field                            { $$ = ADD((struct list){ 0 }, $1); }
| type_field_list "," type_field        { $$ = ADD($1, $3); }
;

type_field:
  KEY type                              { $$ = NEW(@$, TYPE_FIELD, .type_field = { $1, $2 }); }
;

signature:
  parameters                            { $$ = NEW(@$, SIGNATURE, .signature = { $1.first, NULL }); }
| parameters "->" type                  { $$ = NEW(@$, SIGNATURE, .signature = { $1.first, $3 }); }
;

%%

/* Called only when the parser's stack is full. */
static void yyerror(const struct span *at, struct parser *p, const char *message)
{
	(void)message;
	syntax_too_deep(p, *at);
}

static void yyreport_syntax_error(const yypcontext_t *context, struct parser *p)
{
	yysymbol_kind_t kinds[YYNTOKENS];
	const char *names[YYNTOKENS];
	int count = 0;

	if (syntax_wants_expected(p)) {
		count = yypcontext_expected_tokens(context, kinds);
		for (int i = 0; i < count; i++)
			names[i] = yysymbol_name(kinds[i]);
	}
	syntax_error(p, *context->at, yysymbol_name(context->token), names, count);
}
