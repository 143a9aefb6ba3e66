"""Counters, gauges and one histogram, in Prometheus's text format."""
from collections import defaultdict

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

requests = defaultdict(int)                       # by status
requests.update({"200": 0, "500": 0})             # a series that exists from the start has a rate from the start
buckets = [0] * (len(BUCKETS) + 1)                # not cumulative here; render() adds up
values = {                                        # name: value, as (type, help) below has it
    "http_request_duration_seconds_sum": 0.0,
    "websocket_connections_active": 0,
    "cache_requests_total": 0,
    "cache_hits_total": 0,
    "django_db_execute_total": 0,
}
HELP = {
    "websocket_connections_active": ("gauge", "Open WebSockets."),
    "cache_requests_total": ("counter", "Look-ups in Redis."),
    "cache_hits_total": ("counter", "Look-ups in Redis that found something."),
    "django_db_execute_total": ("counter", "SQL statements (under the name the runbook's dashboards use)."),
}


def request(status, seconds):
    requests[str(status)] += 1
    values["http_request_duration_seconds_sum"] += seconds
    for i, bound in enumerate(BUCKETS):
        if seconds <= bound:
            buckets[i] += 1
            return
    buckets[-1] += 1


def add(name, amount=1):
    values[name] += amount


def render():
    lines = ["# HELP http_requests_total Answered requests.", "# TYPE http_requests_total counter"]
    lines += [f'http_requests_total{{status="{status}"}} {n}' for status, n in sorted(requests.items())]
    lines += ["# HELP http_request_duration_seconds Time to answer.", "# TYPE http_request_duration_seconds histogram"]
    total = 0
    for bound, n in zip((*BUCKETS, "+Inf"), buckets):
        total += n
        lines.append(f'http_request_duration_seconds_bucket{{le="{bound}"}} {total}')
    lines.append(f"http_request_duration_seconds_sum {values['http_request_duration_seconds_sum']:.6f}")
    lines.append(f"http_request_duration_seconds_count {total}")
    for name, (kind, text) in HELP.items():
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {values[name]}"]
    return "\n".join(lines) + "\n"
