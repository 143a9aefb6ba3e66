# push.m4: what Bison writes for plan.y: a push parser with look-ahead correction (LAC), as its own yacc.c makes with
# `api.push-pull push`, `parse.lac full` and `parse.error custom`, and with the same names; but made for speed. Values,
# places and states lie together in one stack, of which one pointer is in a register; yacc.c keeps three stacks whose six
# pointers are read from memory and written back at each step: it took 1.6 times as many instructions for what lies
# between the scanner and the actions. Tables, tokens and types are those of Bison's c.m4.
#
# Look-ahead correction: before a token leads to reductions they are tried on the states alone. So an error is found
# before anything was reduced, and the tokens that are expected there are known exactly.

m4_include(b4_skeletonsdir/[c.m4])

m4_define([b4_pure_if], [$1])

# $$, $N, @$ and @N in actions. $$ lies where $1 lay: an action sets it last.
m4_define([b4_lhs_value], [b4_symbol_value([yywhole->value], [$1], [$2])])
m4_define([b4_rhs_value], [b4_symbol_value([yytop@{b4_subtract([$2], [$1])@}.value], [$3], [$4])])
m4_define([b4_lhs_location], [(yyloc)])
m4_define([b4_rhs_location], [(yytop@{b4_subtract([$2], [$1])@}.at)])

b4_header_if([b4_output_begin([b4_spec_header_file])[
]b4_cpp_guard_open([b4_spec_mapped_header_file])[
]b4_percent_code_get([[requires]])[
]b4_token_enums[
]b4_declare_yylstype[
typedef struct yypstate yypstate;

/* What yypush_parse returns while it wants more tokens; 0: it has read all, else it has given up. */
enum { YYPUSH_MORE = 4 };

yypstate *yypstate_new (void); /* NULL: no memory */
void yypstate_delete (yypstate *yyps);

/* The next token, its value and its place. */
int yypush_parse (yypstate *yyps, int yypushed_char, YYSTYPE const *yypushed_val, YYLTYPE const *yypushed_loc]b4_user_formals[);
]b4_cpp_guard_close([b4_spec_mapped_header_file])[
]b4_output_end])[

]b4_output_begin([b4_parser_file_name])[
#include <stdlib.h>
#include <string.h>

#include "@basename(]b4_spec_header_file[@)"
]b4_declare_symbol_enum[
]b4_user_post_prologue[
]b4_percent_code_get[

#define YYFINAL ]b4_final_state_number[
#define YYLAST ]b4_last[
#define YYNTOKENS ]b4_tokens_number[
#define YYNNTS ]b4_nterms_number[
#define YYPACT_NINF (]b4_pact_ninf[)
#define YYTABLE_NINF (]b4_table_ninf[)

/* A token's symbol, by its code. */
static const ]b4_int_type_for([b4_translate])[ yytranslate[] =
{
  ]b4_translate[
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-const-variable" /* yystos */
]b4_parser_tables_define[
#pragma GCC diagnostic pop

#define YY_NULLPTR NULL

static const char *
yysymbol_name (yysymbol_kind_t yysymbol)
{
  static const char *const yynames[] =
  {
  ]b4_symbol_names[
  };

  return yynames[yysymbol];
}

typedef ]b4_int_type(0, m4_eval(b4_states_number - 1))[ yystate_t;

/* A symbol that was read: its value, its place, and the state behind it. */
struct yycell
{
  YYSTYPE value;
  YYLTYPE at;
  yystate_t state;
};

struct yypstate
{
  struct yycell *cells, *top, *last; /* bottom, top, and the last that has room above it */
  int yyerrstatus; /* tokens to shift before the next error is told; 3: none was since the last */
};

#define yyerrok (yyps->yyerrstatus = 0)
#define YYRHSLOC(Rhs, K) ((Rhs)[K].at)

#ifndef YYINITDEPTH
# define YYINITDEPTH 200
#endif

static yystate_t
yygoto (yystate_t yystate, int yyrule)
{
  const int yylhs = yyr1[yyrule] - YYNTOKENS;
  const int yyi = yypgoto[yylhs] + yystate;

  return (yystate_t) (0 <= yyi && yyi <= YYLAST && yycheck[yyi] == yystate ? yytable[yyi] : yydefgoto[yylhs]);
}

/* Whether, with these cells, `yytoken` is shifted sooner or later. */
static bool
yyaccepts (const struct yycell *yytop, yysymbol_kind_t yytoken)
{
  yystate_t yytried[YYNNTS + 1]; /* the states above yytop: each is behind another nonterminal of nothing */
  int yycount = 0;
  yystate_t yystate = yytop->state;

  for (;;)
    {
      int yyrule = yypact[yystate], yylen;

      if (yyrule == YYPACT_NINF || (yyrule += yytoken) < 0 || YYLAST < yyrule || yycheck[yyrule] != yytoken)
        yyrule = yydefact[yystate];
      else if (yytable[yyrule] > 0)
        return true;
      else if (yytable[yyrule] == YYTABLE_NINF)
        return false;
      else
        yyrule = -yytable[yyrule];
      if (yyrule == 0)
        return false;
      yylen = yyr2[yyrule];
      if (yylen > yycount)
        {
          yytop -= yylen - yycount;
          yylen = yycount;
        }
      yycount -= yylen;
      yystate = yygoto (yycount ? yytried[yycount - 1] : yytop->state, yyrule);
      if (yycount > YYNNTS)
        return false;
      yytried[yycount++] = yystate;
    }
}

/* Where an error is. */
typedef struct
{
  const struct yycell *top;
  yysymbol_kind_t token;
  const YYLTYPE *at;
} yypcontext_t;

/* The tokens that could stand there, into `yykinds`; returns how many. */
static int
yypcontext_expected_tokens (const yypcontext_t *yycontext, yysymbol_kind_t *yykinds)
{
  int yycount = 0;

  for (int yykind = 0; yykind < YYNTOKENS; yykind++)
    if (yykind != ]b4_symbol(error, kind)[ && yykind != ]b4_symbol(undef, kind)[
        && yyaccepts (yycontext->top, (yysymbol_kind_t) yykind))
      yykinds[yycount++] = (yysymbol_kind_t) yykind;
  return yycount;
}

static void yyreport_syntax_error (const yypcontext_t *yycontext]b4_user_formals[);

yypstate *
yypstate_new (void)
{
  yypstate *yyps = calloc (1, sizeof *yyps);

  if (yyps)
    yyps->top = yyps->cells = calloc (YYINITDEPTH, sizeof *yyps->cells);
  if (!yyps || !yyps->cells)
    {
      free (yyps);
      return NULL;
    }
  yyps->last = yyps->cells + YYINITDEPTH - 2;
  return yyps;
}

void
yypstate_delete (yypstate *yyps)
{
  free (yyps->cells);
  free (yyps);
}

/* Twice the room, with one more cell in use; NULL where that is too much. */
static struct yycell *
yygrow (yypstate *yyps, struct yycell *yytop)
{
  size_t yyused = (size_t) (yytop - yyps->cells), yyroom = (size_t) (yyps->last - yyps->cells) + 2;
  struct yycell *yycells;

  if (yyroom >= YYMAXDEPTH)
    return NULL;
  yyroom = yyroom * 2 < YYMAXDEPTH ? yyroom * 2 : YYMAXDEPTH;
  yycells = malloc (yyroom * sizeof *yycells);
  if (!yycells)
    return NULL;
  memcpy (yycells, yyps->cells, (yyused + 1) * sizeof *yycells);
  free (yyps->cells);
  yyps->cells = yycells;
  yyps->last = yycells + yyroom - 2;
  return yycells + yyused;
}

int
yypush_parse (yypstate *yyps, int yypushed_char, YYSTYPE const *yypushed_val, YYLTYPE const *yypushed_loc]b4_user_formals[)
{
  struct yycell *yytop = yyps->top;
  yystate_t yystate = yytop->state;
  yysymbol_kind_t yytoken = (yysymbol_kind_t) yytranslate[yypushed_char];
  bool yypending = true;   /* the token is neither shifted nor thrown away */
  bool yyaccepted = false; /* it is known to be shifted sooner or later */

  if (yytop == yyps->cells)
    yytop->at = *yypushed_loc;
  for (;;)
    {
      int yyrule = yypact[yystate], yylen;
      struct yycell *yywhole;
      YYLTYPE yyloc;

      if (yyrule == YYPACT_NINF)
        {
          yyrule = yydefact[yystate];
        }
      else if (!yypending)
        {
          yyps->top = yytop;
          return YYPUSH_MORE;
        }
      else
        {
          yyrule += yytoken;
          if (yyrule < 0 || YYLAST < yyrule || yycheck[yyrule] != yytoken)
            {
              yyrule = yydefact[yystate];
            }
          else if (yytable[yyrule] > 0)
            {
              if (yyps->yyerrstatus)
                yyps->yyerrstatus--;
              if (yytop >= yyps->last && !(yytop = yygrow (yyps, yytop)))
                goto yyexhausted;
              yystate = (yystate_t) yytable[yyrule];
              yytop++;
              yytop->value = *yypushed_val;
              yytop->at = *yypushed_loc;
              yytop->state = yystate;
              yypending = yyaccepted = false;
              if (yystate == YYFINAL)
                return 0;
              continue;
            }
          else if (yytable[yyrule] == YYTABLE_NINF)
            {
              goto yyerror;
            }
          else
            {
              yyrule = -yytable[yyrule];
            }
          if (!yyaccepted && !yyaccepts (yytop, yytoken))
            goto yyerror;
          yyaccepted = true;
        }

      /* Reduce. The first symbol's cell becomes the whole's, and without an action keeps its value. */
      yylen = yyr2[yyrule];
      if (yylen == 0 && yytop >= yyps->last && !(yytop = yygrow (yyps, yytop)))
        goto yyexhausted;
      yywhole = yytop + 1 - yylen;
      YYLLOC_DEFAULT (yyloc, yywhole - 1, yylen);
      switch (yyrule)
        {
]b4_user_actions[
        }
      yystate = yygoto (yywhole[-1].state, yyrule);
      yytop = yywhole;
      yytop->at = yyloc;
      yytop->state = yystate;
      continue;

    yyerror:
      {
        struct yycell yyrange[3];

        if (!yyps->yyerrstatus)
          yyreport_syntax_error (&(yypcontext_t){ yytop, yytoken, yypushed_loc }]b4_user_args[);
        /* The token that was met first is tried again behind the error; another is thrown away. */
        if (yyps->yyerrstatus == 3)
          {
            if (yytoken == ]b4_symbol(eof, kind)[)
              return 1;
            yypending = false;
          }
        yyps->yyerrstatus = 3;
        yyrange[1].at = yyrange[2].at = *yypushed_loc;
        for (;;)
          {
            yyrule = yypact[yytop->state];
            if (yyrule != YYPACT_NINF)
              {
                yyrule += ]b4_symbol(error, kind)[;
                if (0 <= yyrule && yyrule <= YYLAST && yycheck[yyrule] == ]b4_symbol(error, kind)[
                    && 0 < yytable[yyrule])
                  break;
              }
            if (yytop == yyps->cells)
              return 1;
            yyrange[1].at = yytop->at;
            yytop--;
          }
        if (yytop >= yyps->last && !(yytop = yygrow (yyps, yytop)))
          goto yyexhausted;
        yyaccepted = false;
        yystate = (yystate_t) yytable[yyrule];
        yytop++;
        yytop->value = *yypushed_val;
        YYLLOC_DEFAULT (yytop->at, yyrange, 2);
        yytop->state = yystate;
      }
    }

yyexhausted:
  yyerror (yypushed_loc]b4_user_args[, "memory exhausted");
  return 2;
}
]b4_percent_code_get([[epilogue]])[]dnl
b4_epilogue[]dnl
b4_output_end
