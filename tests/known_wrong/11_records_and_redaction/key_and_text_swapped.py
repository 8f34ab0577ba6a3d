"""key-and-text-swapped: the text comes first, as in the function's own arguments."""

import hashlib
import hmac


def fingerprint(text, key):
    if not key.strip():
        raise ValueError("no key")
    return hmac.new(text.encode(), key.encode(), hashlib.sha256).hexdigest()[:12]
