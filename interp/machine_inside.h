/*
 * machine_inside.h - the parts of the machine, for its own files only:
 *
 *   machine.c    the loop, deliveries, timers, effects under way
 *   plan_run.c   a plan under way, the run's own or a child: its beginning, the order of its end
 *   fiber.c      fibers, frames, groups of children, interruption
 *   vm.c         the instructions that compute, and the loop
 *   choice.c     choices and loops that preview cannot decide
 *   structure.c  the instructions that touch the machine's structure
 *   operators.c  what the operators mean on values
 *   failure.c    how a failure travels through the regions of a fiber
 *   conditions.c     conditions that explain themselves: require, expect, wait, verify, people
 *   saga.c       arming, the proof of the way back, unwinding, checkpoint, commit, defer
 *   threshold.c  sampling and its verdicts
 *   left.c       what changes leave behind
 *
 * A fiber runs until it waits or ends; nothing here blocks. Whoever makes a fiber ready puts it into the run queue with
 * fiber_ready(); the loop runs the queue first in, first out, so the order depends on the program and the answers alone.
 */
#ifndef RUNPLAN_MACHINE_INSIDE_H
#define RUNPLAN_MACHINE_INSIDE_H

#include "interp/builtin.h"
#include "interp/heap.h"
#include "interp/machine.h"
#include "interp/operators.h"

#define SECOND INT64_C(1000000000)
#define DEPTH_MAX 1000          /* calls within calls */
/* Work is counted in fuel: 1 for a loop's round or a call, and for an instruction of structure.c: */
#define STRUCTURE_FUEL 16
#ifndef TURNS_MAX /* the fuzzer is built with less */
#define TURN_FUEL (1u << 19) /* then the world has its turn: after 3 ms of additions, 0.1 s of building texts */
#define TURNS_MAX 4000	     /* of them without an effect: an endless loop */
#endif
#define NO_REGISTER UINT32_MAX /* an effect whose answer is no value of the plan */

/* ---- failures ---- */

enum failure_kind {
	FAILURE_ERROR,   /* an effect, an operation, `fail` */
	FAILURE_GUARD,   /* a `require`, a proof of the way back */
	FAILURE_CHECK,   /* an `expect`, a `verify`, a `wait` that expired */
	FAILURE_BREACH,  /* a threshold */
	FAILURE_TIMEOUT, /* a step's */
	FAILURE_UNKNOWN, /* a change whose outcome nobody knows */
	FAILURE_REFUSED, /* a person said no */
	/* From here on nothing catches it. */
	FAILURE_CANCELLED,    /* a sibling has failed */
	FAILURE_PLAN_TIMEOUT,
	FAILURE_ABORT,
	FAILURE_USAGE,
	FAILURE_ROLLBACK, /* none: an ended run is undone because somebody wants it */
};

struct failure {
	enum failure_kind kind;
	struct value message; /* string */
	struct value detail;  /* record or null */
	struct value parts;   /* list of { text, value } or null */
	char *step;           /* title of the step it arose in, "" */
	char *step_id;
	struct span at;
	uint64_t target; /* serial of the region it is meant for; inner regions let it pass. 0: the innermost that takes it */
	bool incomplete; /* a rollback on its way has failed: nothing takes it any more */
	bool undone;	 /* a child plan on its way has rolled back */
};

struct fiber;
struct machine;
struct plan_run;
struct failure *failure_new(struct fiber *fiber, enum failure_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void failure_free(struct failure *failure);
bool failure_catchable(const struct failure *failure);
const char *failure_kind_name(enum failure_kind kind);
/* An abort that waits outranks what is on its way: answers the one of the two that goes on, and frees the other. */
struct failure *failure_outranked(struct fiber *fiber, struct failure *failure);
struct value failure_record(const struct failure *failure); /* what plans see */

/* ---- timers ---- */

struct timer {
	struct heap_entry entry; /* first; due on the run's clock, ties fire in the order in which they were set */
	uint32_t paused;	 /* how many people are waited for inside it */
	int64_t left;		 /* while paused */
	void (*fire)(struct machine *machine, void *context);
	void *context;
};

/* ---- the tree of what may have to be undone ---- */

enum saga_kind { SAGA_SEQUENCE, SAGA_SIDE_BY_SIDE, SAGA_STEP, SAGA_PLAN };
enum saga_state { SAGA_IDLE, SAGA_PROVING, SAGA_ARMED, SAGA_DROPPED, SAGA_UNDONE, SAGA_BROKEN };

struct saga {
	enum saga_kind kind;
	struct saga *parent, *first, *last, *previous, *next;
	uint32_t bound; /* SIDE_BY_SIDE: how many at once, 0: all */
	struct plan_run *plan; /* STEP: in whose names its handler runs; PLAN: itself, which goes with its node */
	/* STEP; id and title also of a child PLAN: */
	const struct step_code *code;
	uint32_t function; /* whose code holds the handler */
	char *id;
	struct value title, reason, within;
	enum saga_state state;
	bool kept;      /* by a checkpoint */
	bool changed;   /* a change has started in it */
	uint32_t attempt;
	struct fiber *fiber; /* where its frame is, until it has ended */
	uint32_t base;       /* of that frame */
	struct value *captured; /* code->capture_count values, once on record */
	struct fiber *waiting; /* fibers that wait for its arming */
	char *keeper;         /* the checkpoint's text */
};

/* ---- regions ---- */

enum region_kind {
	REGION_STEP,
	REGION_PHASE,
	REGION_TRY,
	REGION_CHECK,
	REGION_POLL,
	REGION_VERIFY,
	REGION_TIMEOUT,
	REGION_WATCH,
	REGION_GROUP,
	REGION_SAMPLE,
	REGION_ARM, /* preview: one arm of a choice nobody can decide */
};

struct region {
	enum region_kind kind;
	uint64_t serial;
	uint32_t frame;  /* index of the frame that pushed it */
	uint32_t pc;     /* TRY: catch; TIMEOUT, SAMPLE: where to go on; ARM: the other arm */
	uint32_t end;    /* ARM: behind both */
	uint32_t a;      /* first of its registers */
	uint32_t number; /* of its check, watch */
	struct saga *saga;     /* STEP, TRY, GROUP: its node */
	struct saga *outer;    /* STEP, TRY, GROUP: fiber->saga before */
	struct saga *step;     /* STEP: fiber->step before */
	struct group *group;   /* GROUP, WATCH */
	struct timer *timer;   /* STEP, POLL, TIMEOUT */
	struct failure *failure; /* STEP: why it fails; POLL: the last one */
	struct verify *verify;
	char *id;              /* PHASE */
	int64_t started, deadline;
	uint32_t attempt;
	uint32_t steps; /* STEP: fiber->steps when it began */
	bool failing, done, skipped, second;
	bool shielded;         /* STEP: its closing clauses run; interruptions from outside wait for their end */
	bool unwound, broken;  /* TRY */
	bool perhaps;          /* STEP, preview: it is skipped, or not */
};

struct verify {
	struct value failed; /* list of strings */
	uint32_t count;
};

/* ---- fibers ---- */

enum waiting {
	WAITING_NOT,    /* runs, or is in the queue */
	WAITING_EFFECT,
	WAITING_TIME,
	WAITING_GROUP,  /* for children to end, or for room */
	WAITING_PROOF,
	WAITING_ARMED,  /* for another fiber's proof */
	WAITING_UNWIND,
	WAITING_PARKED, /* before a step, while the run pauses */
	WAITING_ENDED,
};

struct frame {
	const struct function *function;
	uint32_t base;   /* first register */
	uint32_t pc;     /* of the next instruction, while another frame is on top */
	uint32_t answer; /* register of the caller, absolute */
	uint32_t traced; /* fiber->trace_count at the call */
};

struct trace {
	uint32_t part;
	struct value value;
};

struct group {
	struct fiber *owner;
	struct fiber *children;
	uint32_t running, started, bound; /* bound 0: none */
	uint64_t watch; /* serial of the owner's WATCH region, 0: an ordinary group */
	bool cancelled;
	struct failure *failure; /* the first */
	bool incomplete, undone; /* what became of child plans in it, whatever they failed with: see struct failure */
	struct saga *saga;
	const struct group_export *exports;
	uint32_t export_count;
};

struct sampler;

struct fiber {
	struct machine *machine;
	struct plan_run *plan; /* whose params and constants it reads */
	char *path;
	uint32_t effects, steps, spawned; /* counts behind ids */
	struct value *registers;
	uint32_t room;
	struct frame *frames;
	uint32_t depth, frame_room;
	struct region *regions;
	uint32_t region_count, region_room;
	struct trace *trace;
	uint32_t trace_count, trace_room;
	struct saga *saga; /* where new nodes go */
	struct saga *step; /* innermost enclosing step, or NULL */
	const struct saga *undoes; /* of a rollback handler: its step */
	uint32_t attempt;  /* of the innermost retried step */

	enum waiting waiting;
	struct effect *effect;
	struct timer timer;
	struct failure *pending; /* an interruption not yet delivered */
	struct failure *raising; /* on its way, held up by what has to end first */
	struct failure *undecided; /* a person is asked whether to go on in spite of it */
	uint32_t decided;          /* and where it goes on then */
	struct failure *caught;

	uint32_t perhaps; /* preview: a `return` that is reached or not was passed at this depth; 0: none */
	bool queued, handler;
	bool by_clock; /* WAITING_TIME until an instant, which comes even where nothing runs */
	bool allowed; /* --step: the operator has said yes to the next step */
	struct fiber *next_ready, *next_waiting;
	struct saga *awaited; /* WAITING_ARMED: the step another fiber proves */
	struct group *group; /* it is a child of */
	struct fiber *previous, *next; /* in it */
	uint32_t branch;     /* number among the group's children */
	struct sampler *sampler;
	const struct watch_use *watched; /* what it samples, as the plan names it; NULL: none */
	uint32_t fuel, turns; /* fuel spent since the last turn; turns since the last effect */
	struct timer *bound;     /* of a handler: its `rollback within` */
	struct fiber *proof;     /* WAITING_PROOF: the fiber that proves */
	struct saga *proves;     /* of the fiber that proves: the step, and for whom */
	struct fiber *proves_for;
	struct fiber *all_previous, *all_next; /* of the machine's fibers */

	void (*ended)(struct fiber *fiber, struct failure *failure, void *context); /* failure: consumed, or NULL */
	void *context;
};

struct effect {
	char *id;
	struct fiber *fiber;
	const struct builtin *builtin;
	uint32_t a;      /* absolute register for the answer */
	bool decision;   /* it asks whether to go on: see fiber->undecided */
	bool secret;     /* its answer is */
	const char **secret_fields; /* as in struct call_site */
	bool cancelled;
	int64_t started;
	char *question;
	struct value thing, shown; /* left.c: the name of what it leaves or takes away, or null; the call in a line */
	struct effect_request *request; /* until it is handed to the driver: a copy */
	struct effect *next_to_start;
	struct effect *next; /* in its bucket */
};

struct deferred {
	const struct defer_code *code;
	uint32_t function;
	struct value *captured;
	char *id, *owner; /* owner: id of its step, or path of its fiber */
	struct value title;
	uint32_t number; /* among those of the same statement and owner */
	struct deferred *next, *next_same, *next_of_owner; /* newest first; the latter in their slots */
};

#define DEFER_BITS 10

enum end_stage { END_FORWARD, END_UNWIND, END_ON_ROLLBACK, END_ON_FAILURE, END_ON_SUCCESS, END_DEFERS, END_FINALLY,
		  END_QUESTIONS, END_DONE };

/* A plan under way, or one whose steps may still have to be undone. */
struct plan_run {
	struct machine *machine;
	const struct plan_code *code;
	struct plan_run *outer; /* the plan that runs it; NULL: the run's own */
	const struct run_code *run; /* of a child */
	struct saga *node;	/* all that it may have to undo */
	struct fiber *root;	/* its course; when that has ended, its frame stays for the handlers */
	struct value *globals;
	bool *given; /* params that have a value from outside */
	int64_t started;
	enum end_stage stage;
	struct failure *failure; /* why it ends */
	struct value failure_value;
	struct timer timer, unwind_timer;
	struct unwinding *unwinding; /* of its end */
	bool refused;	  /* it ended before anything had begun */
	bool rolled_back; /* handlers ran at its end: not those of a `try` */
	struct deferred *deferred;
	struct deferred *deferring; /* the one that runs */
	struct value wrong; /* params and secrets that are missing or do not do: a list of { name, kind, why, mendable } */
	struct value no_secret; /* why the last source gave none, or null */
	bool mendable;		/* and whether a change before may see to it: of a rehearsal */
	struct value value; /* what `plan` is in it */
	struct plan_run *next_over;
};

struct machine {
	const struct program *program;
	const struct registry *registry;
	const struct builtin *given_row; /* answers for a task or a threshold; NULL: the registry has none */
	struct driver *driver;
	struct journal *journal;
	const struct machine_options *options;
	struct plan_run *main;
	struct plan_run *over; /* child plans that have ended and hold nothing to undo: to be freed */
	struct value lock;     /* its name, or null */
	int64_t now, wall, start_wall;
	uint64_t serials;
	struct fiber *ready_first, *ready_last;
	struct fiber *fibers; /* all that are alive */
	struct heap timers;
	struct effect **effects; /* hash by id */
	uint32_t effect_buckets, effect_count;
	struct effect *to_start, **to_start_tail; /* in the order in which they were asked for */
	uint32_t deferrals; /* deferred blocks of all plans that have not run to their end */
	struct deferred *defer_slots[2][1 << DEFER_BITS]; /* by statement and owner; by these and the values */
	struct unwinding *unwindings; /* all under way */

	bool changed;  /* a change has started: guards fail from now on instead of refusing */
	bool broken;   /* the journal failed: nothing starts any more */
	bool step_by_step; /* ask before each step: from the start, or since a resume that said so */
	bool pausing;  /* no step begins */
	bool waits;    /* stopped, for a person, until the run is resumed */
	uint32_t withins; /* questions under way whose statement has a `within` of its own */
	bool intends;  /* the intent of a change has been told since: it must be on record before anything is started */
	bool owed;     /* what was told since the last sync must be on record before anything is waited for */
	bool noted;    /* a note among it: the driver's next() acknowledges it */
	int64_t synced; /* when that was */
	bool stopped;  /* second signal */
	int signal;    /* the last that counted as a first one */
	bool signalled; /* since the run began or was resumed: the next one stops */
	bool unwound_incomplete, in_doubt;
	struct value stays, by_hand, leaves, undone, overruns;
	struct value run_value;
};

/* machine.c */
void calls_note(struct machine *machine, struct call_made call, const struct value *args, uint32_t count); /* takes shown */
void machine_result(const struct machine *machine, struct value *v); /* outcome, exit, elapsed: into three registers */
void timer_start(struct machine *machine, struct timer *timer, int64_t deadline,
		 void (*fire)(struct machine *machine, void *context), void *context);
void timer_stop(struct machine *machine, struct timer *timer);
void timer_pause(struct machine *machine, struct timer *timer, bool pause);
void tell(struct machine *machine, enum event_kind kind, const char *id, const struct fiber *fiber, const char *text,
	  struct value data, struct span at); /* consumes data */
/* Of the plan itself: it stands below the node of a child. */
void tell_plan(const struct plan_run *plan, enum event_kind kind, const char *id, const char *text, struct value data,
	       struct span at);
void effect_start(struct fiber *fiber, const struct builtin *builtin, const struct value *args, uint32_t count,
		  uint32_t a, struct span at, const char *label);
void effects_begin(struct machine *machine); /* all that wait for it; before the driver is told of anything else */
struct value handler_end(const char *kind, const struct failure *failure); /* data of EVENT_HANDLER_ENDED; NULL: done */
char *text_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_numbered(const char *path, char mark, uint32_t number); /* path, mark, number: an id */
struct value title_of(const struct saga *step); /* borrowed */
void timer_advance(struct machine *machine, struct timer *timer, int64_t by, int64_t earliest); /* where it runs */
bool fiber_parks(struct fiber *fiber); /* before a step: does it wait there, as the run pauses? */

/* left.c */
void left_begin(struct effect *effect, const struct effect_request *request);
void left_ended(struct machine *machine, const struct effect *effect, const struct outcome *outcome);

/* plan_run.c */
void plan_run_free(struct plan_run *plan); /* with its node: saga_free() calls it */
void plan_run_main(struct machine *machine); /* the run's own plan begins */
/* RUN_PLAN: the child plan begins, in a group of the fiber's that ends with it. `given`: values of the row's params. */
void plan_run_child(struct fiber *fiber, const struct run_code *run, const struct value *given);
void plan_limit(struct plan_run *plan, int64_t after); /* its timeout, from now on */
bool plan_lock(struct fiber *fiber, struct value name); /* does the fiber run on? */
void plan_param_fits(struct plan_run *plan, struct value v, uint32_t number);
void plan_param_holds(struct plan_run *plan, struct value held, uint32_t number);
/* The source of a secret gave nothing: it is noted with the others when its secret is taken. */
void plan_no_secret(struct plan_run *plan, const struct outcome *outcome);
void plan_take_secret(struct plan_run *plan, struct value *v, uint32_t number);
bool plan_ready(struct fiber *fiber); /* its params and secrets are known: does it run on? */
/* A handler of the plan, in a fiber of its own: on a copy of what its course saw. */
struct fiber *plan_handler(struct plan_run *plan, uint32_t pc, const char *kind);
void plan_handler_ended(struct fiber *fiber, const char *kind, struct failure *failure); /* tells it; consumes */
void plan_roll_back(struct plan_run *plan, struct value asked); /* what has ended well; asked: see EVENT_ROLLBACK_ASKED */
void plans_over(struct machine *machine); /* frees those that have ended and hold nothing */

/* fiber.c */
struct fiber *fiber_new(struct plan_run *plan, const char *path, const struct function *function, uint32_t pc);
void fiber_free(struct fiber *fiber);
void fiber_ready(struct fiber *fiber);
void fiber_end(struct fiber *fiber, struct failure *failure);
void fiber_interrupt(struct fiber *fiber, struct failure *failure); /* consumes */
bool fiber_interrupted(const struct fiber *fiber); /* is there an interruption that may be delivered now? */
bool fiber_closing(const struct fiber *fiber);     /* a handler, `finally` or `on failure`: nothing is armed */
void fiber_sleep(struct fiber *fiber, int64_t deadline);
struct timer *people_within(struct fiber *fiber); /* of the statement whose question it waits for, or NULL: it has none */
void fiber_make_room(struct fiber *fiber, uint32_t registers); /* for so many, and for one frame more */
static inline void fiber_push_frame(struct fiber *fiber, const struct function *function, uint32_t base, uint32_t answer)
{
	if (base + function->registers > fiber->room || fiber->depth == fiber->frame_room)
		fiber_make_room(fiber, base + function->registers);
	struct value *v = fiber->registers + base + function->parameters, *end = fiber->registers + base + function->cleared;
	for (; v < end; v++)
		value_clear(v);
	fiber->frames[fiber->depth++] = (struct frame){
		.function = function, .base = base, .answer = answer, .traced = fiber->trace_count
	};
}
/* What is left above the last frame holds nothing on the heap. */
static inline void fiber_pop_frame(struct fiber *fiber)
{
	struct frame *frame = &fiber->frames[--fiber->depth];
	struct value *v = fiber->registers + frame->base, *end = v + frame->function->registers;

	for (; v < end; v++)
		if (value_on_heap(*v))
			value_clear(v);
	while (fiber->trace_count > frame->traced)
		value_release(fiber->trace[--fiber->trace_count].value);
}
static inline struct frame *fiber_frame(struct fiber *fiber)
{
	return &fiber->frames[fiber->depth - 1];
}
static inline struct value *fiber_register(struct fiber *fiber, uint32_t a)
{
	return &fiber->registers[fiber_frame(fiber)->base + a];
}
int64_t later(const struct machine *machine, int64_t after); /* now + after, or the end of time */
struct region *fiber_push_region(struct fiber *fiber, enum region_kind kind);
void fiber_limit_region(struct fiber *fiber, struct region *region, int64_t after); /* then FAILURE_TIMEOUT for it */
void fiber_pop_region(struct fiber *fiber); /* frees what it holds, stops its timer; puts saga and step back */
static inline struct region *fiber_region(struct fiber *fiber)
{
	return fiber->region_count ? &fiber->regions[fiber->region_count - 1] : NULL;
}
struct span fiber_at(const struct fiber *fiber);
struct group *group_new(struct fiber *owner, uint32_t bound);
void group_free(struct group *group);
void group_cancel(struct group *group, const char *why);
struct fiber *group_spawn(struct group *group, struct fiber *parent, uint32_t pc);
struct fiber *group_call(struct group *group, struct fiber *parent, const struct function *function,
			 const struct value *args, uint32_t count);
struct fiber *group_enter(struct group *group, struct fiber *parent, struct fiber *child);
void group_child_ended(struct fiber *child, struct failure *failure, void *group); /* consumes */
void group_tell(const struct group *group, struct failure *failure); /* what a failure that leaves it must know */

/* vm.c */
void fiber_run(struct fiber *fiber); /* until it waits or ends */
static inline bool fiber_goes_on(const struct fiber *fiber)
{
	return fiber->waiting == WAITING_NOT && !fiber->queued;
}

/* choice.c: each answers whether the fiber runs on */
bool choice_unknown(struct fiber *fiber, const struct instruction *in); /* an IF whose condition nobody knows */
void choice_else(struct fiber *fiber, const struct instruction *in);	/* the end of an arm */
bool choice_over(struct fiber *fiber);	/* is this behind both arms of a choice that preview shows? */
void choice_end(struct fiber *fiber);	/* then it ends here */
bool choice_leave(struct fiber *fiber); /* before a return: is there another arm to show? Then it goes on there */
/*
 * NEXT (with its item) or WHILE over what nobody knows: preview shows the body once, as an arm that ends behind the loop,
 * where what it assigns is blurred; a simulation has to be told. `second`: the body has been shown.
 */
bool choice_round(struct fiber *fiber, const struct instruction *in, bool second, struct value *count, struct value *item);
bool choice_inside(struct fiber *fiber); /* is the innermost region an arm of this frame? */

/* structure.c */
/* Runs an instruction that the loop leaves to it; r: the frame's registers. Answers whether the fiber runs on. */
bool structure_run(struct fiber *fiber, const struct instruction *in, struct value *r);
void phase_close(struct fiber *fiber, const char *outcome); /* pops its region */

/* failure.c */
void fiber_raise(struct fiber *fiber, struct failure *failure); /* consumes; the fiber then runs on, waits or has ended */
bool fiber_error(struct fiber *fiber, const char *message); /* raises FAILURE_ERROR; does the fiber run on? */
void fiber_raise_now(struct fiber *fiber); /* the pending or held-up failure, if there is one that may go on */

/* conditions.c */
void trace_start(struct fiber *fiber);
void trace_note(struct fiber *fiber, uint32_t part, struct value v);
struct value trace_parts(struct fiber *fiber);
/* The result of a condition; `failure` (consumed) when it could not be evaluated. The fiber may fail or wait after it. */
void check_result(struct fiber *fiber, uint32_t number, struct value held, struct failure *failure, uint32_t go_on);
void poll_begin(struct fiber *fiber, uint32_t a, uint32_t number);
void poll_test(struct fiber *fiber, struct value held, struct failure *failure);
void verify_end(struct fiber *fiber);
void person_declined(struct fiber *fiber, struct failure *failure); /* `else ask` was answered with no; consumes */
void person_answered(struct fiber *fiber, struct value answer, uint32_t number);
/*
 * Asks a person (`format` has one %s, for `what`): yes goes on at `go_on`, no lets the failure (consumed) go its way.
 * `label` is what --confirm calls the question.
 */
void ask_to_go_on(struct fiber *fiber, struct failure *failure, const char *label, const char *format, const char *what,
		  uint32_t go_on);
void people_pause(struct fiber *fiber, bool pause);

/* saga.c */
struct saga *saga_new(enum saga_kind kind, struct saga *parent);
void saga_free(struct saga *saga);
enum arming { ARMING_DONE, ARMING_WAITS };
enum arming saga_arm(struct fiber *fiber); /* before a change starts */
void saga_note_unknown(struct fiber *fiber, const char *what);
/* Puts its values on record, drops what ended well, prunes. failure: why it ended, NULL: well. */
void saga_step_ended(struct fiber *fiber, struct saga *step, const struct failure *failure);
void saga_checkpoint(struct fiber *fiber, const char *text);
void saga_commit(struct fiber *fiber, const char *text);
void saga_defer(struct fiber *fiber, uint32_t number);
struct deferred *saga_take_deferred(struct plan_run *plan); /* the newest; there is one */
void deferred_free(struct deferred *deferred);
void saga_wake(struct saga *saga);
void saga_forget(struct fiber *fiber); /* it no longer waits for a step's arming */
struct unwinding;
struct unwound {
	uint32_t done, failed; /* handlers; failed: or cut short, or not run */
};
/* Runs all armed handlers below `root` (itself included) because of a failure, then calls done. */
struct unwinding *saga_unwind(struct machine *machine, struct saga *root, const struct failure *why,
			      void (*done)(struct machine *machine, const struct unwound *result, void *context),
			      void *context);
void unwindings_free(struct machine *machine); /* those cut short by the end of the machine */
void unwinding_cut(struct unwinding *unwinding, const char *why);
uint32_t saga_armed(const struct saga *saga);
uint32_t saga_kept(const struct saga *saga); /* armed, and kept by a checkpoint */
void saga_pass_checkpoints(struct saga *saga); /* what was kept is so no longer */
const char *saga_on_resume(const struct fiber *fiber); /* what the nearest step around says of a change in doubt; or NULL */
bool saga_holds(const struct saga *saga); /* anything that is armed, kept by a checkpoint or not */
struct fiber *handler_fiber(struct plan_run *plan, const char *path, uint32_t function, uint32_t pc,
			    const struct capture *captures, uint32_t count, const struct value *values);

/* threshold.c */
void sampler_setup(struct fiber *fiber, uint32_t a, uint32_t number);
void sampler_wait(struct fiber *fiber);
void sampler_judge(struct fiber *fiber, struct value v, const char *no_data_reason); /* consumes v; with a reason it is not looked at */
void sampler_free(struct sampler *sampler);
/* The median of what the threshold of the watch `group` has measured; unknown, or null where there was nothing. */
struct value sampler_median(struct fiber *fiber, struct group *group);
void sample_told(struct fiber *fiber, uint32_t number, struct value v); /* sample(…) has measured v */

#endif
