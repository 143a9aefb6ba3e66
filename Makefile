# runplan. `make` builds ./runplan and installs nothing; `make demo` and `make test` install what is missing and do the rest.
#
#   make            ./runplan                          make test         all tests, installing what they need
#   make demo       a real blue-green deployment       make test-unit    the parts of it: test-golden, test-asan,
#   make demo-bad   one that fails and is undone                         test-torture, test-lab, layers
#   make lab-up     only the stack to deploy to        make docs         docs/ from the tables in the code
#   make lab-down   removes all that the lab made      make clean        what was built, not the lab
#   make install    into PREFIX (/usr/local), below DESTDIR: program, man page, completions; make uninstall
#   make test-long  tests of the lab that take long     make torture      what proves that a run survives anything
#                                                       make bench-lab   a canary's end beside a runbook's loop (lab)
#   make bench      runplan measured beside others (ROW=http for one row, QUICK=1, ROUNDS=9, KEEP=1 into docs/)
#
# Sources are found by folder. B is where objects go: build/, or build/asan for the sanitizers' build.

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
# Two jobs unless the command line says otherwise; a make within a make takes its jobs from the outer one.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j2
endif

B       = build
PROGRAM = runplan

CC      = gcc
BISON   = bison
FLEX    = flex
OPTIMIZE = -O2
SANITIZE =
CFLAGS  = -std=gnu11 $(OPTIMIZE) -g -Wall -Wextra -Werror $(SANITIZE)
# Headers of libpq lie in a folder of their own; libpq and libcurl are only loaded at run time, never linked.
HEADERS := $(shell pkg-config --cflags libpq libcurl libuv jansson libpcre2-8 2>/dev/null)
# A source may define _GNU_SOURCE itself; twice would be an error where the definitions differ.
GNU      = $(if $(shell grep -l "define _GNU_SOURCE" $<),,-D_GNU_SOURCE)
CPPFLAGS = $(GNU) -I. -I$(B) $(HEADERS)
LDLIBS  = -luv -ljansson -lpcre2-8 -ldl -lm -lpthread

SOURCES := $(sort $(wildcard grammar/*.c interp/*.c builtins/*.c store/*.c cli/*.c))
PARSER   = $(B)/grammar/plan.tab.c $(B)/grammar/plan.lex.c
OBJECTS  = $(SOURCES:%.c=$(B)/%.o) $(PARSER:.c=.o)
# Everything but main(), for the tests and the tools of tests to be linked with.
ARCHIVE  = $(B)/librunplan.a

UNIT_SOURCES := $(sort $(wildcard tests/unit/test_*.c))
UNIT          = $(UNIT_SOURCES:%.c=$(B)/%)
# tests/FOLDER/NAME_main.c is a small program that the tests in FOLDER use: $(B)/tests/FOLDER/NAME.
TOOL_SOURCES := $(sort $(wildcard tests/*/*_main.c))
TOOLS         = $(TOOL_SOURCES:%_main.c=$(B)/%)
# Preloaded into what is measured.
PRELOADED     = $(B)/tests/bench/stream_times.so $(B)/tests/torture/no_memory.so

.PHONY: all
all: $(PROGRAM)

$(PROGRAM): $(B)/cli/main.o $(ARCHIVE)
	$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

# Made afresh, so that a source that is gone leaves no object behind.
$(ARCHIVE): $(filter-out $(B)/cli/main.o,$(OBJECTS))
	@rm -f $@
	ar rcs $@ $^

$(B)/%.o: %.c | $(B)/grammar/plan.tab.h $(B)/grammar/plan.lex.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/grammar/%.o: $(B)/grammar/%.c | $(B)/grammar/plan.tab.h $(B)/grammar/plan.lex.h
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/cli/cmd_completion.o: cli/complete.bash cli/complete.zsh cli/complete.fish

# The scanner's template compares signed with unsigned and keeps functions that nobody calls.
$(B)/grammar/plan.lex.o: CFLAGS += -Wno-sign-compare -Wno-unused-function

$(B)/grammar/plan.tab.c $(B)/grammar/plan.tab.h &: grammar/plan.y grammar/push.m4
	@mkdir -p $(@D)
	$(BISON) -Wcounterexamples -Werror --header=$(B)/grammar/plan.tab.h -o $(B)/grammar/plan.tab.c $<

$(B)/grammar/plan.lex.c $(B)/grammar/plan.lex.h &: grammar/plan.l
	@mkdir -p $(@D)
	$(FLEX) --header-file=$(B)/grammar/plan.lex.h -o $(B)/grammar/plan.lex.c $<

# What tests share.
$(B)/tests/unit/test_machine $(B)/tests/fuzz/inputs: $(B)/tests/promises.o
$(B)/tests/fuzz/inputs: $(B)/tests/fuzz/targets.o
$(B)/tests/torture/crash: $(B)/tests/torture/world.o

$(UNIT): $(B)/%: $(B)/%.o $(ARCHIVE)
	$(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVE) -lcmocka $(LDLIBS)

$(TOOLS): $(B)/%: $(B)/%_main.o $(ARCHIVE)
	$(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVE) $(LDLIBS)

$(PRELOADED): $(B)/%.so: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fPIC -shared -o $@ $< -ldl

-include $(OBJECTS:.o=.d) $(UNIT:=.d) $(TOOLS:=_main.d) $(wildcard $(B)/tests/*.d $(B)/tests/fuzz/*.d $(B)/tests/torture/*.d)
.SECONDARY:

# What the tests need of a build: for scripts/test.sh.
.PHONY: test-programs
test-programs: $(PROGRAM) $(UNIT) $(TOOLS) $(PRELOADED)

.PHONY: list-unit
list-unit:
	@echo $(UNIT)

.PHONY: install-deps
install-deps:
	scripts/setup.sh test

.PHONY: demo demo-bad
demo demo-bad:
	@scripts/setup.sh build lab
	@$(MAKE) --no-print-directory --silent all
	@tests/demo.sh $(@:demo%=%)

.PHONY: lab-up lab-down
lab-up:
	@scripts/setup.sh lab
	@lab/lab.sh up

lab-down:
	@lab/lab.sh down

# Every suite closes with a line `N passed, N failed`; `make test` adds them up.
.PHONY: test test-unit test-golden test-torture test-asan test-lab test-long
test:
	@scripts/setup.sh test
	@scripts/test.sh layers unit golden torture asan lab

# For who has half an hour more; KEEP=1 puts their figures into docs/performance.md.
test-long:
	@scripts/setup.sh test
	@scripts/test.sh long

test-unit test-golden test-torture test-asan test-lab:
	@scripts/test.sh $(@:test-%=%)

# Every case of what `make test` samples: an hour and more. Its figures: docs/reliability.md. PARTS="kills locks" runs only these.
.PHONY: torture
torture:
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory --silent all $(filter $(B)/tests/torture/%,$(TOOLS) $(PRELOADED))
	@tests/torture/torture.sh whole

# The table goes to build/bench.md, with KEEP=1 into docs/performance.md as well.
.PHONY: bench
bench:
	@scripts/setup.sh bench
	@$(MAKE) --no-print-directory --silent all $(filter $(B)/tests/bench/%,$(TOOLS)) $(PRELOADED)
	@tests/bench/bench.py $(ROW) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick) $(if $(KEEP),--keep)

.PHONY: bench-lab
bench-lab:
	@scripts/setup.sh bench
	@$(MAKE) --no-print-directory --silent all
	@lab/lab.sh up
	@tests/bench/detect.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(KEEP),--keep)

.PHONY: layers
layers:
	@scripts/layers.sh

.PHONY: docs
docs: $(PROGRAM)
	./$(PROGRAM) doc --markdown > docs/builtins.md.new
	mv docs/builtins.md.new docs/builtins.md
	./$(PROGRAM) help --markdown > $(B)/reference.md
	sed -i -e '/^<!-- runplan help/r $(B)/reference.md' -e '/^<!-- runplan help/,/^<!-- end/{/^<!--/!d}' docs/operating.md

.PHONY: man
man: $(B)/runplan.1

$(B)/runplan.1: $(PROGRAM)
	./$(PROGRAM) help --man > $@

# Where each shell looks for completions by itself.
PREFIX  = /usr/local
DESTDIR =
BINDIR  = $(DESTDIR)$(PREFIX)/bin
SHARE   = $(DESTDIR)$(PREFIX)/share
INSTALLED = $(BINDIR)/runplan $(SHARE)/man/man1/runplan.1 $(SHARE)/bash-completion/completions/runplan \
	$(SHARE)/zsh/site-functions/_runplan $(SHARE)/fish/vendor_completions.d/runplan.fish
.PHONY: install uninstall
install: $(PROGRAM) $(B)/runplan.1
	install -D -m 755 $(PROGRAM) $(BINDIR)/runplan
	install -D -m 644 $(B)/runplan.1 $(SHARE)/man/man1/runplan.1
	install -D -m 644 cli/complete.bash $(SHARE)/bash-completion/completions/runplan
	install -D -m 644 cli/complete.zsh $(SHARE)/zsh/site-functions/_runplan
	install -D -m 644 cli/complete.fish $(SHARE)/fish/vendor_completions.d/runplan.fish

uninstall:
	rm -f $(INSTALLED)

# Coverage-guided search for inputs that break a promise; see tests/fuzz/README.md. FOR is seconds for each target.
FUZZ_MAKE = CC=clang B=build/fuzz PROGRAM=build/fuzz/runplan OPTIMIZE=-O1 \
	"SANITIZE=-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined -Wno-missing-field-initializers -DTURN_FUEL=5000u -DTURNS_MAX=3"
FOR = 60
TARGETS =
.PHONY: fuzz
fuzz:
	@scripts/setup.sh build fuzz
	@$(MAKE) --no-print-directory --silent $(FUZZ_MAKE) build/fuzz/fuzz
	@tests/fuzz/fuzz.sh build/fuzz/fuzz $(FOR) $(TARGETS)

$(B)/fuzz: $(B)/tests/fuzz/fuzz.o $(B)/tests/fuzz/targets.o $(B)/tests/promises.o $(ARCHIVE)
	$(CC) $(CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

.PHONY: clean
clean:
	rm -rf build runplan
