"""Every failure, named by what is done about it.

    StreamsError
     ├─ Retryable      a dependency is slow, down or overloaded    → wait, try again, lose nothing
 │   └─ TooMuch    one call asked for more than could be done  → ask for less at once
     ├─ Rejected       this record can never be processed          → dead letter, go on with the next
     │   └─ PromptTooLong   a text does not fit the model's window → split it; alone: as above
     └─ Misconfigured  a person must act                           → stop before any work is taken

A message says what its reader can do. None holds a secret or a document's text.
"""

from __future__ import annotations


class StreamsError(Exception):
    """A failure with a `code`: a stable, lower-case word for metrics, dead letters and receipts."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class Retryable(StreamsError):
    """A dependency is slow, down or overloaded; the same call may succeed later.

    `retry_after` is what the dependency asked for, in seconds, where it said so. `progress`: the next try
    has less to do than this one had, so that it is not one more failure of the same kind.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "unavailable",
        retry_after: float | None = None,
        progress: bool = False,
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after, self.progress = retry_after, progress


class TooMuch(Retryable):
    """A call for several things was refused as too large, or took too long; fewer at once may do."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message, code=code, progress=True)


class Rejected(StreamsError):
    """This record can never be processed as it is."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message, code=code)


class PromptTooLong(Rejected):
    """A text is longer than the model's window; nothing was cut silently."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="prompt_too_long")


class Misconfigured(StreamsError):
    """A person must act: `setting` is what to change."""

    def __init__(self, message: str, *, setting: str, code: str = "misconfigured") -> None:
        super().__init__(message, code=code)
        self.setting = setting
