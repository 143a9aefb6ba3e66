#!/bin/sh
# generate_steps.sh N: prints a plan of N steps without effect, one after another.
echo 'plan "Steps" { }'
seq "${1:-10000}" | sed 's,.*,step "step &" { log "step &" },'
