"""What makes the backend ill on demand: set by POST /fault/, and for a bad release by releases.json."""
from . import settings

state = {
    "error_rate": 0.0,                # the share of requests that get a 500
    "latency": 0.0,                   # seconds before each answer
    "unhealthy": False,               # /health/ answers 503
    "login": False,                   # nobody can log in
    "missing_header": "",             # this header is left out of every answer
    "cors": "",                       # "closed": no origin is allowed; "open": every one is
    "websocket": False,               # WebSockets are refused
    "payments": False,                # /payments/health/ answers 503
    "slow_query": 0.0,                # seconds that every statement takes longer, in the database
    "queries": 0,                     # statements that every request makes beside its own
    "cache": False,                   # nothing is found in the cache
    "leak": False,                    # passwords and tokens are printed
    "memory": 0.0,                    # the share of the container's memory that is taken
    "alert": False,                   # the metric lab_fault_alert is 1, for which Prometheus has an alert
}
_healthy = dict(state)
state.update(settings.FAULT)


def change(wanted):
    """Raises ValueError when a name or a value is none of these."""
    for name, value in wanted.items():
        if name not in state:
            raise ValueError(f"unknown: {name}")
        kind = type(_healthy[name])
        if not isinstance(value, kind) and not (kind is float and isinstance(value, int)):
            raise ValueError(f"{name} is a {kind.__name__}")
    state.update((name, type(_healthy[name])(value)) for name, value in wanted.items())


def clear():
    """Not back to what releases.json says: a bad release can be cured for a test."""
    state.update(_healthy)
