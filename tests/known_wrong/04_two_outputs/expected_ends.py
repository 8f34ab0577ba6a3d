"""crash-leaves-nothing: each known end writes its record, and the unknown ones are left to the caller."""

# ruff: noqa: F821 - the exercise defines what this uses


def call(send, question, *, line_id, days, clock, write):
    started = clock()

    def done(status, reason, counts):
        latency_ms = round((clock() - started) * 1000, 3)
        ends = {"status": status, "reason": reason, "latency_ms": latency_ms}
        write({**ends, "input_tokens": counts[0], "output_tokens": counts[1]})

    try:
        reply = send(question)
    except TimeoutError:
        done("timeout", None, (None, None))
        return failure("timeout")
    reason = reason_against(reply["answer"], line_id, days)
    done("unsupported_decision" if reason else "ok", reason, tokens(reply))
    return failure("unsupported_decision") if reason else {"ok": True, "value": reply["answer"]}
