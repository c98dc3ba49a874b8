"""Lengths of time in words for a person."""


def duration(seconds: float) -> str:
    """Formats a length of time as `45 s`, `12 min`, `1 h 05 min` or `3 d 4 h`."""
    minutes = round(seconds / 60)
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"
