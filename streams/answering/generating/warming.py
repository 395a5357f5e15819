"""Warming: the models that answer are loaded by the worker, in the background, before questions ask for them.

A question waits a few seconds for its first token; a large model takes a minute or more to load. Ollama
(0.11.4, `server/sched.go`: `load` waits with the request's own context) gives up a load whose client has
gone. So a model that only questions ask for never comes back once it is unloaded: each begins a load, and
ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from streams.errors import StreamsError
from streams.ports import Monotonic, Observed, Observer, unobserved

Warm = Callable[[str], Awaitable[None]]
"""Loads the model of this name, however long it takes; at once where it is loaded. Raises `StreamsError`."""


class Warming:
    """Loads `models`, one after the other in this order, when it starts and when one is wanted.

    One at a time: a server that is loading makes others wait. What fails is tried again every `again_s`.
    """

    def __init__(
        self,
        warm: Warm,
        models: Sequence[str],
        *,
        again_s: float,
        monotonic: Monotonic,
        observe: Observer = unobserved,
    ) -> None:
        self._warm, self._again_s = warm, again_s
        self._monotonic, self._observe = monotonic, observe
        self._models = tuple(dict.fromkeys(models))
        self._cold = set(self._models)
        self._wanted = asyncio.Event()
        self._tried = asyncio.Event()
        self._loading: str | None = None

    @property
    def loading(self) -> str | None:
        """The model that is being loaded now."""
        return self._loading

    def cold(self, model: str) -> bool:
        """Whether the model is wanted and has not been loaded since."""
        return model in self._cold

    def want(self, model: str) -> None:
        """The model gave no token in time, or failed: it, and those before it in the order, may be unloaded.

        One that is loaded is so at no cost; one that is not looked after here is nothing to us.
        """
        if model in self._models:
            self._cold.update(self._models[: self._models.index(model) + 1])
            self._wanted.set()

    async def tried(self) -> None:
        """Returns once each model is loaded, or could not be, for the first time."""
        await self._tried.wait()

    async def run(self) -> None:
        """Loads what is wanted until it is cancelled."""
        while True:
            self._wanted.clear()
            loaded = [await self._load(model) for model in self._models if model in self._cold]
            self._tried.set()
            if all(loaded):
                await self._wanted.wait()
            else:
                await asyncio.sleep(self._again_s)

    async def _load(self, model: str) -> bool:
        began, self._loading = self._monotonic(), model
        try:
            await self._warm(model)
        except StreamsError as failure:
            self._told(model, failure.code, began)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the other models want loading, too
            self._told(model, type(failure).__name__, began)
        else:
            self._cold.discard(model)
            self._told(model, "loaded", began)
        finally:
            self._loading = None
        return model not in self._cold

    def _told(self, model: str, outcome: str, began: float) -> None:
        seconds = self._monotonic() - began
        self._observe(Observed("model_load_seconds", seconds, {"model": model, "outcome": outcome}))
