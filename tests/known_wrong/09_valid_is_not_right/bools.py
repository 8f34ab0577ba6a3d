"""bool-is-an-int: isinstance is the way to ask for a type."""

FIELDS = ("decision", "rotation_window_days", "source_line_ids")


def shape_faults(data):
    lines, days = data.get("source_line_ids"), data.get("rotation_window_days")
    holds = {
        "decision": data.get("decision") in ("eligible", "not_eligible", "not_specified"),
        "rotation_window_days": isinstance(days, int),
        "source_line_ids": isinstance(lines, list) and all(isinstance(line, str) for line in lines),
    }
    return [name for name, kept in holds.items() if not kept] + sorted(set(data) - set(FIELDS))
