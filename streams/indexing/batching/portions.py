"""Embedding many texts, a portion at a time: what came of it is there when it fails, and the line moves.

Beside the portions of a large document others have their turn: a text waits for some portions of each
document before it, not for all that each of them has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.errors import PromptTooLong, Rejected, Retryable

if TYPE_CHECKING:
    from streams.messages.held import Vector
    from streams.ports import Embedder

PORTION = 32
"""Texts that model servers take well at once."""
AT_ONCE = 4
"""Portions of one document that are asked for at a time: two are with the model, two stand in line."""

Blame = Callable[[str, Rejected | Retryable], Exception]
"""The error that names the text of a key, which failed alone."""


@dataclass(frozen=True, slots=True)
class Portions:
    """Embeds with `embedder`; `came` is told the keys of each portion that is done."""

    embedder: Embedder
    came: Callable[[Sequence[str]], None]
    blame: Blame

    async def __call__(
        self, texts: Mapping[str, str], got: MutableMapping[str, Vector], *, carefully: bool = False
    ) -> None:
        """Puts the vectors of `texts` into `got`, each by its text's key, as they come; not of those in it.

        `carefully`, or where one of several is refused: first one text, then twice as many with each portion
        that is done. So a text that fails alone is found, and named. Raises as the embedder does.
        """
        size = 1 if carefully else PORTION
        while lacking := [key for key in texts if key not in got]:
            try:
                if size < PORTION:
                    await self._embed(texts, lacking[:size], got)
                else:
                    await self._side_by_side(texts, lacking, got)
            except PromptTooLong:
                raise
            except Rejected:
                if size == 1 or len(lacking) == 1:
                    raise
                size = 1
            else:
                size = min(2 * size, PORTION)

    async def _side_by_side(
        self, texts: Mapping[str, str], keys: Sequence[str], got: MutableMapping[str, Vector]
    ) -> None:
        """All of them. After a failure none is begun, but what is under way still comes."""
        if len(keys) <= PORTION:
            await self._embed(texts, keys, got)
            return
        failed: list[Exception] = []
        portions = iter([keys[start : start + PORTION] for start in range(0, len(keys), PORTION)])

        async def one_by_one() -> None:
            for portion in portions:
                try:
                    await self._embed(texts, portion, got)
                except Exception as error:  # noqa: BLE001 - the first one is raised below
                    failed.append(error)
                if failed:
                    return

        await asyncio.gather(*(one_by_one() for _ in range(AT_ONCE)))
        if failed:
            raise failed[0]

    async def _embed(
        self, texts: Mapping[str, str], keys: Sequence[str], got: MutableMapping[str, Vector]
    ) -> None:
        try:
            made = await self.embedder.embed_documents([texts[key] for key in keys])
        except PromptTooLong:
            raise
        except (Rejected, Retryable) as error:
            blamed = self.blame(keys[0], error) if len(keys) == 1 else error
            if blamed is error:
                raise
            raise blamed from error
        got.update(zip(keys, made, strict=True))
        self.came(keys)
