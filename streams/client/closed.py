"""A client that is no more."""

from streams.errors import Rejected


def closed() -> Rejected:
    """What is raised in those who still wait for it, and in whoever comes."""
    return Rejected(
        "the client is closed: open another one, and read its answers before it ends", code="closed"
    )
