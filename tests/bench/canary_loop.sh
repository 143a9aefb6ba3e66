#!/bin/bash
# canary_loop.sh PROMETHEUS SECONDS UPSTREAM: what a runbook's loop does: asks every so many seconds, compares with bc, and
# on a breach edits nginx's upstream and reloads it, by docker-compose exec. Prints when it decided and when it was done.
set -u
query='sum(rate(http_requests_total{job="backend-green",status=~"5.."}[5s])) / sum(rate(http_requests_total{job="backend-green"}[5s]))'
for ((i = 0; i < 60; i++)); do
    share=$(curl -sf "$1/api/v1/query" --data-urlencode "query=$query" | jq -r '.data.result[0].value[1] // 0')
    if [ "$share" != NaN ] && [ "$(echo "$share > 0.05" | bc -l)" = 1 ]; then
        decided=$(date +%s.%N)
        docker-compose -f lab/docker-compose.yml exec -T nginx sed '/green/d' /etc/nginx/lab/upstream.conf >"$3.loop" && mv "$3.loop" "$3"
        docker-compose -f lab/docker-compose.yml exec -T nginx nginx -q -s reload
        echo "$decided $(date +%s.%N)"
        exit 0
    fi
    sleep "$2"
done
exit 1
