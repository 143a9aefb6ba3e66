"""The memory of the container that this process is in, as the kernel counts it (cgroup v1 or v2)."""
import pathlib

_ROOT = pathlib.Path("/sys/fs/cgroup")
_FILES = (("memory.current", "memory.max"), ("memory/memory.usage_in_bytes", "memory/memory.limit_in_bytes"))
_ballast = b""


def _number(path):
    text = path.read_text().strip()
    return 0 if text == "max" or int(text) >= 1 << 60 else int(text)


def usage_and_limit():
    """Bytes; the limit is 0 when there is none, both are when they cannot be read."""
    for usage, limit in _FILES:
        try:
            return _number(_ROOT / usage), _number(_ROOT / limit)
        except OSError:
            continue
    return 0, 0


def take(share):
    """Takes memory until this share of the limit is in use; 0 gives it back."""
    global _ballast
    _ballast = b""
    usage, limit = usage_and_limit()
    if share and limit:
        _ballast = b"\1" * max(0, int(share * limit) - usage)
