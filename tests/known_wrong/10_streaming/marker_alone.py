"""the-marker-is-enough: [DONE] means done."""

import json


class Draft:
    def __init__(self):
        self.state, self.text, self.output_tokens, self.finish = "started", "", None, None

    def take(self, data):
        if self.state not in ("started", "streaming"):
            return
        if data == "[DONE]":
            self.state = "completed"
            return
        event = json.loads(data)
        self.text += event.get("delta", "")
        self.finish = event.get("finish", self.finish)
        self.output_tokens = event.get("usage", self.output_tokens)
        if "error" in event:
            self.state = "failed"
        elif "delta" in event:
            self.state = "streaming"

    def end(self):
        if self.state in ("started", "streaming"):
            self.state = "incomplete"

    def cancel(self):
        if self.state in ("started", "streaming"):
            self.state = "cancelled"
