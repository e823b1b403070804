"""What went wrong, named by what the caller does next.

BackendError
├── AuthFailed        fix the key; nothing was done
├── RateLimited       wait `retry_after_s`, then call again; nothing was done
├── NoCapacity        try another offer, or wait; nothing was rented
├── InvalidRequest    fix the request; nothing was done
│   └── NotOffered    .. or the plan: it does not have this; do without
├── NotFound          it does not exist (any more)
├── NotYetGone        teardown was accepted, call again
├── Unavailable       a safe call failed on the way; call again later
├── FateUnknown       a paid call was sent and no answer came: look it up, never send it again
├── Retired           this API generation is gone (410): update the program
└── UnexpectedReply   the answer cannot be read; `raw` holds its beginning
    └── TooLarge      .. because it is more than we take: asking again would give the same

No message ever holds a credential: headers are never part of an error.
"""

LONGEST_RAW = 2000  # characters kept of what could not be read


class BackendError(Exception):
    """The root; its text is one sentence for a person."""


class AuthFailed(BackendError):
    """The key is missing or refused."""


class RateLimited(BackendError):
    """Too many calls. `retry_after_s` is None when the provider gave no hint."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NoCapacity(BackendError):
    """Nothing of the kind can be rented now."""


class InvalidRequest(BackendError):
    """The provider refused the content of the request."""


class NotOffered(InvalidRequest):
    """The account's plan does not have what was asked for."""


class NotFound(BackendError):
    """The named resource or job does not exist."""


class NotYetGone(BackendError):
    """Teardown is under way; call it again."""


class Unavailable(BackendError):
    """A call without side effects could not be completed."""


class FateUnknown(BackendError):
    """The request may or may not have taken effect."""


class Retired(BackendError):
    """The provider switched this API off."""


class UnexpectedReply(BackendError):
    """The reply does not have the documented shape; `raw` is its beginning."""

    def __init__(self, message: str, *, raw: str = "") -> None:
        super().__init__(message)
        self.raw = raw[:LONGEST_RAW]


class TooLarge(UnexpectedReply):
    """The reply goes on beyond what we take."""
