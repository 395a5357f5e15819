"""Small stand-ins of the ports, which do what a test scripts them to do."""

import asyncio
import re
import uuid
from dataclasses import dataclass, field, replace

from streams.answering.text.tokens import MESSAGE_TOKENS, estimate
from streams.errors import PromptTooLong
from streams.messages.held import Head, Listed, current
from streams.messages.position import Position
from streams.messages.questions import Asked, Question
from streams.messages.records import Offset
from streams.ports import ChatChunk, Hit, Serving
from tests.unit.answering.virtual import EPOCH

AT = Offset(topic="questions", partition=0, offset=7)


def asked(text="How do I reset my portal password?", *, tenant="acme", age_s=0.0, **fields):
    """A question that was written `age_s` seconds before the clock's beginning."""
    question = Question(text=text, **fields)
    timestamp = int(1000 * (EPOCH.timestamp() - age_s))
    return Asked(question=question, id=question.id or str(AT), tenant=tenant, at=AT, timestamp=timestamp)


def always(search, embedder):
    """The one generation that there is."""

    async def serve():
        return Serving(search, embedder)

    return serve


def hit(text, *, name="kb/1", similarity=0.7, score=0.9, title="Portal", tenant="acme", part=0):
    key = uuid.uuid5(uuid.NAMESPACE_URL, name)
    passage = uuid.uuid5(key, f"{part} {text}")
    return Hit(passage, key, tenant, text, title, score, similarity)


def head_of(*hits, offset=1, name="kb/1", **fields):
    """The head of the document that lists these passages; fields as `Head` names them."""
    first = hits[0]
    values = {
        "document_key": first.document_key,
        "position": Position(0, 0, 0, offset),
        "deleted": False,
        "tenant": first.tenant,
        "document_id": name,
        "title": first.title or None,
        "url": f"https://kb.example.org/{name}",
        "language": None,
        "readers": ("*",),
        "metadata": (),
        "source": "documents.changes",
        "record_key": name,
        "topic": "documents.changes",
        "partition": 0,
        "offset": offset,
        "written": EPOCH,
        "passages": tuple(Listed(one.id, "", 0, len(one.text)) for one in hits),
    }
    return Head(**(values | fields))


@dataclass
class Index:
    """A search that finds `hits`, best first, whatever is asked, but for `exclude` and `limit`.

    `faults` are taken one a call of `hybrid`: an exception to raise, or seconds to take.
    """

    hits: list = field(default_factory=list)
    held: dict = field(default_factory=dict)
    faults: list = field(default_factory=list)
    queries: list = field(default_factory=list)
    obeys_exclude: bool = True

    @classmethod
    def of(cls, *hits):
        """An index of one current document a hit."""
        return cls(
            list(hits), {one.document_key: [head_of(one, name=f"kb/{n}")] for n, one in enumerate(hits, 1)}
        )

    async def hybrid(self, query):
        self.queries.append(query)
        await _fault(self.faults)
        left = [one for one in self.hits if not (self.obeys_exclude and one.id in query.exclude)]
        return left[: query.limit]

    async def current_heads(self, document_keys):
        return {key: current(self.held[key]) for key in document_keys if self.held.get(key)}

    async def word_counts(self, tenant, words):
        texts = [set(re.findall(r"\w+", one.text.lower())) for one in self.hits if one.tenant == tenant]
        return len(texts), {word: sum(word in text for text in texts) for word in words}


@dataclass
class Words:
    """An embedder that takes texts of at most `window` words."""

    model: str = "all-minilm"
    dimension: int = 2
    window: int = 256
    faults: list = field(default_factory=list)
    texts: list = field(default_factory=list)

    async def embed_query(self, text):
        await _fault(self.faults)
        if len(text.split()) > self.window:
            raise PromptTooLong("a question is longer than the window")
        self.texts.append(text)
        return (0.6, 0.8)

    async def embed_documents(self, texts):
        return [(0.6, 0.8) for _ in texts]


async def _fault(faults):
    fault = faults.pop(0) if faults else None
    if isinstance(fault, Exception):
        raise fault
    if fault is not None:
        await asyncio.sleep(fault)


@dataclass(frozen=True)
class Script:
    """A reply: pieces of text, each after `pause_s`, then how it ends.

    `end`: `done`, `cut` (no done chunk), `hang`, or an exception.
    """

    pieces: tuple = ()
    pause_s: float = 0.01
    end: object = "done"
    first_s: float = 0.2
    reason: str = "stop"


@dataclass
class Models:
    """A generator with one script a model, used again for each reply."""

    scripts: dict
    requests: list = field(default_factory=list)
    running: int = 0
    most: int = 0
    """That ran at a time."""
    counts: float | None = None
    """Tokens counted for each one that is estimated; None: always 100."""
    cuts: bool = False
    """Whether prompts are cut to the window, and what is left is counted, as Ollama 0.11.4 does."""
    capacity: int | None = None
    """Replies that run at full speed; more share it, so that each is as much slower. None: any number."""

    async def chat(self, request):
        self.requests.append(request)
        script = self.scripts[request.model]
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self._work(script.first_s)
            for piece in script.pieces:
                yield ChatChunk(piece)
                await self._work(script.pause_s)
            if script.end == "hang":
                await asyncio.sleep(1e6)
            if isinstance(script.end, Exception):
                raise script.end
            if script.end == "done":
                yield ChatChunk("", True, script.reason, self._counted(request), len(script.pieces))
        finally:
            self.running -= 1

    async def _work(self, seconds):
        """So much of one's own share; how many share it is seen every 10 ms."""
        if self.capacity is None:
            await asyncio.sleep(seconds)
            return
        while seconds > 0:
            step = min(0.01, seconds)
            await asyncio.sleep(step * max(1.0, self.running / self.capacity))
            seconds -= step

    def _counted(self, request):
        if self.counts is None:
            return 100
        tokens = round(self.counts * sum(estimate(one.content) + MESSAGE_TOKENS for one in request.messages))
        return min(tokens, request.num_ctx) if self.cuts else tokens


@dataclass
class Marks:
    """A watermark that reaches each (seconds, offset) in turn, on partition 0 of `documents.changes`."""

    steps: tuple = ((0.0, 41),)
    faults: list = field(default_factory=list)
    reads: int = 0

    async def applied(self):
        self.reads += 1
        await _fault(self.faults)
        time = asyncio.get_running_loop().time()
        reached = [offset for at, offset in self.steps if at <= time]
        return [Offset(topic="documents.changes", partition=0, offset=reached[-1])] if reached else []

    async def unreachable(self, after):
        return [one for one in after if (one.topic, one.partition) != ("documents.changes", 0)]


def renamed(one, **fields):
    return replace(one, **fields)
