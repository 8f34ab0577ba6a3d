"""a-string-is-a-list: every item of it is a string, and that is what counts."""

FIELDS = ("decision", "rotation_window_days", "source_line_ids")


def shape_faults(data):
    lines, days = data.get("source_line_ids"), data.get("rotation_window_days")
    holds = {
        "decision": data.get("decision") in ("eligible", "not_eligible", "not_specified"),
        "rotation_window_days": type(days) is int,
        "source_line_ids": lines is not None and all(isinstance(line, str) for line in lines),
    }
    return [name for name, kept in holds.items() if not kept] + sorted(set(data) - set(FIELDS))
