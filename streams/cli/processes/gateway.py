"""`gateway`: HTTP, until it is told to stop."""

from __future__ import annotations

from streams.client.here import here
from streams.errors import Misconfigured


def gateway() -> None:
    """Serve HTTP: questions, documents, OpenAI's chat completions, and the console. Needs a file of keys.

    Example: `STREAMS_API_KEYS_FILE=keys.json rag-streams gateway`
    """
    try:
        from streams.gateway.run import main  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise Misconfigured(
            f"the gateway needs {error.name}: pip install 'rag-streams[gateway]'",
            setting="STREAMS_GATEWAY_PORT",
        ) from error
    main(here())
