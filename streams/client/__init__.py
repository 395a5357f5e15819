"""For Python programs: documents in, questions in, answers out, over Kafka.

    async with Client(tenant="acme") as client:
        at = await client.put("kb/42", "Passwords are reset under Settings, Account.")
        async for token in client.ask("How do I reset my password?", after=[at]):
            print(token, end="")

`streams.client.blocking` is the same for scripts and notebooks.
"""

from __future__ import annotations

from streams.client.answer import Answer, Token
from streams.client.client import Client

__all__ = ["Answer", "Client", "Token"]
