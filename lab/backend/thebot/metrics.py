"""Counters, gauges and histograms, in Prometheus's text format."""
from collections import defaultdict

from . import fault, memory

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    def __init__(self, name, text):
        self.name, self.text = name, text
        self.buckets = [0] * (len(BUCKETS) + 1)   # not cumulative here; render() adds up
        self.sum = 0.0

    def observe(self, seconds):
        self.sum += seconds
        self.buckets[next((i for i, bound in enumerate(BUCKETS) if seconds <= bound), -1)] += 1

    def render(self):
        lines = [f"# HELP {self.name} {self.text}", f"# TYPE {self.name} histogram"]
        total = 0
        for bound, n in zip((*BUCKETS, "+Inf"), self.buckets):
            total += n
            lines.append(f'{self.name}_bucket{{le="{bound}"}} {total}')
        return [*lines, f"{self.name}_sum {self.sum:.6f}", f"{self.name}_count {total}"]


requests = defaultdict(int)                       # by status
requests.update({"200": 0, "500": 0})             # a series that exists from the start has a rate from the start
request_seconds = Histogram("http_request_duration_seconds", "Time to answer.")
# Names that the runbook's dashboards and django-prometheus use.
query_seconds = Histogram("django_db_query_duration_seconds", "Time that a statement takes, waiting for it included.")
values = {                                        # name: value, as HELP has it
    "websocket_connections_active": 0,
    "cache_requests_total": 0,
    "cache_hits_total": 0,
    "django_db_execute_total": 0,
    "container_memory_usage_bytes": 0,
    "container_spec_memory_limit_bytes": 0,
    "lab_fault_alert": 0,
}
HELP = {
    "websocket_connections_active": ("gauge", "Open WebSockets."),
    "cache_requests_total": ("counter", "Look-ups in Redis."),
    "cache_hits_total": ("counter", "Look-ups in Redis that found something."),
    "django_db_execute_total": ("counter", "SQL statements."),
    "container_memory_usage_bytes": ("gauge", "Memory of this container, as its cgroup counts it."),
    "container_spec_memory_limit_bytes": ("gauge", "The most memory that this container may take; 0 when it may take all."),
    "lab_fault_alert": ("gauge", "1 while the lab is told to have an alert fire."),
}


def request(status, seconds):
    requests[str(status)] += 1
    request_seconds.observe(seconds)


def add(name, amount=1):
    values[name] += amount


def render():
    usage, limit = memory.usage_and_limit()
    values.update(container_memory_usage_bytes=usage, container_spec_memory_limit_bytes=limit,
                  lab_fault_alert=int(fault.state["alert"]))
    lines = ["# HELP http_requests_total Answered requests.", "# TYPE http_requests_total counter"]
    lines += [f'http_requests_total{{status="{status}"}} {n}' for status, n in sorted(requests.items())]
    lines += request_seconds.render() + query_seconds.render()
    for name, (kind, text) in HELP.items():
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {values[name]}"]
    return "\n".join(lines) + "\n"
