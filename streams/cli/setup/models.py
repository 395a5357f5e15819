"""`models pull`: the three models, there and warm."""

from __future__ import annotations

import asyncio

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from streams.cli.output import Json, Output
from streams.client.here import here
from streams.ollama.client import OllamaClient
from streams.settings import Settings
from streams.worker.parts import ollama_config

app = typer.Typer(help="The models that Ollama serves.", no_args_is_help=True)


@app.command()
def pull(as_json: Json = False) -> None:
    """Pull what is missing of the three models, and load the primary one.

    Example: `rag-streams models pull`
    """
    asyncio.run(_pull(here(), Output(as_json)))


async def _pull(settings: Settings, out: Output) -> None:
    wanted = dict.fromkeys((settings.embed_model, settings.generate_model, settings.fallback_model))
    async with OllamaClient(ollama_config(settings)) as client:
        there = {
            name for model in await client.list() for name in (model.name, model.name.removesuffix(":latest"))
        }
        for model in wanted:
            if model in there:
                out.row({"model": model, "status": "present"}, f"{model}  present")
            else:
                await _pull_one(client, model, out)
        await client.warm_up(settings.generate_model, settings.num_ctx)
        out.row({"model": settings.generate_model, "status": "warm"}, f"{settings.generate_model}  loaded")


async def _pull_one(client: OllamaClient, model: str, out: Output) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out.console, disable=out.as_json) as progress:
        task = progress.add_task(model, total=None)
        async for step in client.pull(model):
            progress.update(
                task, description=f"{model}  {step.status}", total=step.total, completed=step.completed
            )
    out.row({"model": model, "status": "pulled"}, f"{model}  pulled")
