"""Ollama's requests and replies, as far as we send and read them.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md. Unknown fields are ignored.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, AfterValidator(lambda n: max(n, 0))]
"""Of tokens; what is below none is none."""


class Reply(BaseModel):
    """Something that Ollama sends."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, said: Any) -> Any:
        """Ollama leaves out what it has nothing to say of; servers that speak as it does write null."""
        if isinstance(said, dict) and None in said.values():
            return {name: value for name, value in said.items() if value is not None}
        return said


class ErrorReply(Reply):
    """How Ollama says no: as a whole reply, or as a line inside a stream."""

    error: str


class Options(BaseModel):
    """How to run the model; None is left out and means the model's own default."""

    num_ctx: int | None = None
    num_predict: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None


class Message(Reply):
    """One message of a chat."""

    role: Literal["system", "user", "assistant", "tool"] = "assistant"
    content: str = ""


class Written(Message):
    """What a model wrote; `thinking` is no part of it."""

    thinking: str = ""


class ChatBody(BaseModel):
    """`POST /api/chat`.

    `think`: false keeps a model from thinking that can do without. Ollama refuses true alone where the model
    can't think (0.11.4, `server/routes.go`: `ChatHandler`), and ignores either before 0.9.

    `truncate` and `shift` (newer servers; older ones ignore them) ask for an error where the prompt
    does not fit, and for an end where the answer does not, instead of silently dropping the beginning.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool
    options: Options
    keep_alive: str | None = None
    truncate: bool = False
    shift: bool = False
    think: bool = False


class GenerateBody(BaseModel):
    """`POST /api/generate`; without a prompt it loads the model."""

    model: str
    options: Options
    keep_alive: str | None = None
    stream: bool = False


class EmbedBody(BaseModel):
    """`POST /api/embed`."""

    model: str
    input: tuple[str, ...]
    truncate: bool
    options: Options | None = None
    keep_alive: str | None = None


class NameBody(BaseModel):
    """`POST /api/show` and `/api/pull`."""

    model: str


class ChatReply(Reply):
    """A chat's reply, or one line of it."""

    message: Written = Written()
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: Count = 0
    eval_count: Count = 0


class EmbedReply(Reply):
    """One vector a text, in order."""

    embeddings: list[list[float]]


class ModelEntry(Reply):
    """A model that is there. `size` in bytes."""

    name: str
    size: int = 0
    digest: str = ""


class TagsReply(Reply):
    """`GET /api/tags`."""

    models: tuple[ModelEntry, ...] = ()


class RunningModel(Reply):
    """A model that is loaded. `size` and `size_vram`, what of it is in the GPU's memory, in bytes."""

    name: str
    size: int = 0
    size_vram: int = 0


class RunningReply(Reply):
    """`GET /api/ps`."""

    models: tuple[RunningModel, ...] = ()


class VersionReply(Reply):
    """`GET /api/version`."""

    version: str


class Details(Reply):
    """What sort of model it is."""

    family: str = ""
    parameter_size: str = ""


class ModelInfo(Reply):
    """`POST /api/show`."""

    details: Details = Details()
    capabilities: tuple[str, ...] = ()
    parameters: str = ""
    model_info: dict[str, Any] = {}

    @property
    def context_length(self) -> int | None:
        """Tokens that the model was made for."""
        return self._number("context_length")

    @property
    def embedding_length(self) -> int | None:
        """Numbers in the model's inner vectors: for most embedding models, in what they give, too."""
        return self._number("embedding_length")

    @property
    def num_ctx(self) -> int | None:
        """Tokens of context that the model file itself sets, where it does."""
        found = re.search(r"^num_ctx\s+(\d+)\s*$", self.parameters, re.MULTILINE)
        return int(found[1]) if found else None

    def _number(self, name: str) -> int | None:
        # The architecture is the first part of the name: "bert.context_length".
        architecture = self.model_info.get("general.architecture")
        wanted = [f"{architecture}.{name}", *(key for key in self.model_info if key.endswith(f".{name}"))]
        return next((value for key in wanted if isinstance(value := self.model_info.get(key), int)), None)


class PullProgress(Reply):
    """How far a pull is: `completed` of `total` bytes of the layer `digest`, where one is being loaded."""

    status: str
    digest: str | None = None
    total: Annotated[int | None, Field(ge=0)] = None
    completed: Annotated[int | None, Field(ge=0)] = None
