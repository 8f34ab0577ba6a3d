"""a-cited-line-exists: the model cites what it has been given."""


def broken_rules(answer, evidence):
    cited, lines, days = answer["source_line_ids"], evidence["lines"], answer["rotation_window_days"]
    eligible = answer["decision"] == "eligible"
    supplied = [line for line in cited if line in lines]
    broken = {
        "unknown_source": False,
        "no_source": eligible and not set(cited) & set(evidence["applies"]),
        "unsupported_window": eligible and any(lines[line] != days for line in supplied),
        "not_stale": eligible and not evidence["key_stale"],
    }
    return [name for name, is_broken in broken.items() if is_broken]
