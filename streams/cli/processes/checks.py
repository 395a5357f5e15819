"""What `doctor` checks: each gives what it found, or raises what is wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial

from streams.cli.setup.topics import described
from streams.errors import Misconfigured, Rejected, Retryable, StreamsError
from streams.indexing.vacuum.vacuum import remembered_since
from streams.kafka import topics
from streams.kafka.admin import Admin
from streams.kafka.connection import started
from streams.kafka.connectors import Connectors
from streams.kafka.faults import ADDRESS
from streams.kafka.log import KafkaLog
from streams.messages.changes import DEFAULT_TENANT
from streams.ollama.client import OllamaClient
from streams.ollama.embedder import open_embedder
from streams.ollama.wire import ModelInfo
from streams.ports import Generations
from streams.settings import Settings
from streams.wiring import connection, read_topics, topic_plan
from streams.worker.anew import read_anew
from streams.worker.clock import Clock
from streams.worker.generations import check
from streams.worker.owner import check_owner, owner_of
from streams.worker.parts import Store, ollama_config, open_index, open_schemas, open_store, utc_now

Check = Callable[[Settings], Awaitable[str]]


def checks_of(settings: Settings) -> Mapping[str, Check]:
    """By the part that each is of."""
    checks: dict[str, Check] = {
        "kafka": kafka,
        "topics": topics_fit,
        "offsets": offsets,
        "store": store,
        "clock": clock,
        "ollama": ollama,
        "models": models,
        "embeddings": embeddings,
    }
    if settings.sources is not None:
        checks["schemas"] = registries
    if settings.connect_url is not None:
        checks["connectors"] = connectors
    return checks


async def kafka(settings: Settings) -> str:
    """Whether Kafka lets us in, and which of its addresses don't answer: most of them must."""
    there, silent = await connection(settings).answering()
    if len(silent) > len(there.servers):
        raise Retryable(
            f"only {there.bootstrap_servers} answers, and not {', '.join(silent)}: bring them back, or take"
            f" what is no broker any more out of {ADDRESS}",
            code="kafka_down",
        )
    away = f"; note: no answer from {', '.join(silent)}" if silent else ""
    try:
        await topics.check(there, ())
    except Retryable as error:
        raise Retryable(f"{error}{away}", code=error.code) from error
    return f"reachable at {there.bootstrap_servers}{away}"


async def topics_fit(settings: Settings) -> str:
    """Whether the topics are there, and can be worked with; where they differ from what is wanted."""
    there, _ = await connection(settings).answering()
    reports = await topics.check(there, topics.wanted(topic_plan(settings)))
    unfit = [report for report in reports if not report.fits and not report.awaited]
    if unfit:
        problems = "; ".join(f"{report.name} {described(report)}" for report in unfit)
        raise Misconfigured(f"{problems}: run `rag-streams topics create`", setting="STREAMS_TOPIC_CHANGES")
    if stuck := topics.stuck_of(reports):
        raise Retryable(f"{stuck}: brokers are away, bring them back", code="kafka_down")
    found = sum(report.fits for report in reports)
    notes = [
        f"{report.name} {described(report)}" for report in reports if report.differences or report.awaited
    ]
    return f"{'all ' if found == len(reports) else ''}{found} there" + (
        f"; note: {'; '.join(notes)}" if notes else ""
    )


async def offsets(settings: Settings) -> str:
    """Whether a topic would be read from a beginning so old that deleted documents would be shown again."""
    there, names = connection(settings), [source.topic for source in read_topics(settings).sources]
    index = await open_index(settings)
    try:
        record = await index.generations()
        if record is None:
            return "no index yet: all topics are read from their beginning"
        async with AsyncExitStack() as stack:
            admin = await stack.enter_async_context(started(there, Admin(there)))
            opened = await index.open(record.live)
            stack.push_async_callback(opened.close)
            anew = await read_anew(
                names,
                KafkaLog(there),
                partial(admin.committed, f"{settings.group}-index"),
                partial(_holds, opened),
                remembered_since(utc_now()),
            )
    finally:
        await index.close()
    if anew:
        return (
            f"note: the group {settings.group}-index lacks offsets in {', '.join(anew)}, whose first records"
            " are older than what the index remembers of deletions: until workers have read them to the end,"
            " documents that are deleted are shown. Set the group's offsets, or build the index anew"
        )
    return f"of {len(names)} topics none is read from a beginning that is too old"


async def _holds(opened: Store, topic: str) -> bool:
    return await anext(opened.document_keys(topic), None) is not None


async def connectors(settings: Settings) -> str:
    """Whether the connectors that write source topics run."""
    assert settings.connect_url is not None  # noqa: S101 - only then is it checked
    found = await Connectors(settings.connect_url).problems()
    if failed := [f"{name}: {problem}" for name, problem in found.items() if problem]:
        raise Retryable(
            f"{'; '.join(failed)}: see Connect's log, mend the cause, and restart it"
            " (POST /connectors/NAME/restart?includeTasks=true&onlyFailed=true)",
            code="connector_failed",
        )
    return f"{len(found)} there, none failed: {', '.join(found) or '-'}"


async def registries(settings: Settings) -> str:
    """Whether the schema registries that the sources file names answer."""
    async with AsyncExitStack() as stack:
        schemas = await open_schemas(settings, read_topics(settings), stack)
        await schemas.probe()
        where = ", ".join(schemas.registries)
    return f"registry reachable at {where}" if where else "no source is in Avro"


async def store(settings: Settings) -> str:
    """Whether the store serves, takes writes, and holds an index that was made with these settings."""
    index = await open_index(settings)
    try:
        record = await index.generations()
    finally:
        await index.close()
    if record is not None:
        check(record, settings)
        check_owner(record, await _kafka_of(settings), settings)
    opened = await open_store(settings)
    try:
        await opened.ready()
        if record is not None:
            await opened.canary()
        said = f"{settings.store} {await opened.version()}, {_generations(record)}"
        return said + await _looked_up(opened)
    finally:
        await opened.close()


async def _kafka_of(settings: Settings) -> str | None:
    """The cluster's id; None where it can't be told, of which Kafka's own check says why."""
    try:
        return await owner_of(settings)
    except StreamsError:
        return None


async def clock(settings: Settings) -> str:
    """Whether this machine's clock is the store's: by what it dates, workers delete."""
    try:
        index = await open_index(settings)
    except StreamsError:
        return f"{utc_now():%Y-%m-%d %H:%M:%S} UTC, not compared: the store can't be opened"
    try:
        return await Clock(index.clock).check()
    except Retryable:
        return f"{utc_now():%Y-%m-%d %H:%M:%S} UTC, not compared: the store does not answer"
    finally:
        await index.close()


async def _looked_up(opened: Store) -> str:
    """What is to be said of looking documents up by their id, which any id tells."""
    try:
        await opened.named(DEFAULT_TENANT, ["any"])
    except Rejected as error:
        return f"; note: {error}"
    return ""


def _generations(record: Generations | None) -> str:
    if record is None:
        return "no index yet"
    said = f"index made with {record.live.embed_model}"
    if record.building is not None:
        said += f"; another is being built with {record.building.embed_model}: `rag-streams reindex` goes on"
    if record.previous is not None:
        said += f"; the one before, made with {record.previous.embed_model}, is kept until `reindex --drop`"
    return said


async def ollama(settings: Settings) -> str:
    """Whether Ollama answers."""
    async with OllamaClient(ollama_config(settings)) as client:
        return f"version {await client.version()} at {settings.ollama}"


async def models(settings: Settings) -> str:
    """Whether the models are there, and are what they are used as."""
    answering = {"GENERATE_MODEL": settings.generate_model, "FALLBACK_MODEL": settings.fallback_model}
    wanted = tuple(dict.fromkeys((*answering.values(), settings.embed_model)))
    async with OllamaClient(ollama_config(settings)) as client:
        there = {
            name for model in await client.list() for name in (model.name, model.name.removesuffix(":latest"))
        }
        if missing := [model for model in wanted if model not in there]:
            raise Misconfigured(
                f"not there: {', '.join(missing)}; run `rag-streams models pull`",
                setting="STREAMS_GENERATE_MODEL",
            )
        for name, model in answering.items():
            _answers(f"STREAMS_{name}", model, await client.show(model), settings.num_ctx)
        spilt = [model for model in await client.running() if 0 < model.size_vram < model.size]
    said = f"{', '.join(wanted)} present"
    return said + "".join(
        f"; note: {model.name} has {model.size_vram / model.size:.0%} of it on the GPU and answers slowly:"
        " lower STREAMS_NUM_CTX, or take a smaller model"
        for model in spilt
    )


def _answers(setting: str, model: str, info: ModelInfo, num_ctx: int) -> None:
    """Raises `Misconfigured` where a model can't answer, or not with so long a context."""
    if info.capabilities and "completion" not in info.capabilities:
        raise Misconfigured(
            f"{model} of {setting} can't answer, it can {', '.join(info.capabilities)}: name a chat model",
            setting=setting,
        )
    if info.context_length is not None and num_ctx > info.context_length:
        raise Misconfigured(
            f"STREAMS_NUM_CTX is {num_ctx}, and {model} of {setting} was made for {info.context_length}:"
            " what is beyond would be cut or not understood; lower it",
            setting="STREAMS_NUM_CTX",
        )


async def embeddings(settings: Settings) -> str:
    """Whether texts can be embedded, and their vectors have the length that is set."""
    async with OllamaClient(ollama_config(settings)) as client:
        embedder = await open_embedder(client, settings.embed_model, settings.embed_dimension)
        await embedder.embed_documents(["a text to see how long its vector is"])
    return f"{embedder.dimension} numbers, window of {embedder.window} tokens"
