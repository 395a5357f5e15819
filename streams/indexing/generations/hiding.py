"""What stands in a generation for a document that it refuses: nothing, rather than what the document was."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from streams.messages.held import Head


def hidden(head: Head, written: datetime) -> Head:
    """A deletion of what was there before `head`, which itself can't be there.

    It stands right before `head` in the index, and in its partition: so whatever is older finds it and is
    stale, and `head` itself, when it comes again, is the later one.
    """
    return replace(
        head,
        position=head.position.before(),
        deleted=True,
        title=None,
        url=None,
        language=None,
        readers=(),
        metadata=(),
        offset=max(head.offset - 1, 0),
        written=written,
        passages=(),
        row={},
        media_type="text/plain",
    )
