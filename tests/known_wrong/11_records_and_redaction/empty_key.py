"""no-key-needed: HMAC works with any key, so there is nothing to check."""

import hashlib
import hmac


def fingerprint(text, key):
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:12]
