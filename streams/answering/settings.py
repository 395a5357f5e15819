"""How questions are answered: the answering room's own settings."""

from __future__ import annotations

from dataclasses import dataclass

from streams.answering.generating.prompt import MINIMUM_TOKENS
from streams.answering.generating.reply import Writing
from streams.answering.generating.rollout import Rollout
from streams.answering.generating.router import Routing
from streams.answering.guard.inspect import Policy
from streams.answering.retrieval.evidence import Weighing
from streams.answering.retrieval.rewrite import Rewriting
from streams.answering.retrieval.searching import Retrieval
from streams.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Answering:
    """How questions are answered. Names in `_s` are seconds; tokens are the model's.

    `primary_first_token_s`, `fallback_first_token_s`: what each model is taken to need to its first token,
    until that is learnt (see `Pace`); with less left it is not asked. `slots` replies are generated at a
    time; `ahead` more questions are looked up meanwhile, so that a slot that falls free is taken at once.
    `margin_s` is kept of the deadline for the terminal event's way.
    `similarity_threshold` None: by the embedding model; the `rare_word_…`
    are those of `Weighing`.
    `alpha` weighs vectors against words where the model reads the language (docs/design/009-languages.md).
    `brief_prompt`: for models too small to follow instructions, see `brief`.
    `min_grounded`: a model's answer that is grounded less is replaced by an extract; 0 for never.
    A model's circuit opens after `circuit_failures` in a row and tries again every `circuit_open_s`.
    `guard_policy`: what follows where a passage or a question reads like instructions to the model.
    `rewrite`: the fallback model makes follow-up questions stand alone, where there is time.
    `rollout`: another model in the first one's place, for a share of the questions.
    """

    generate_model: str
    fallback_model: str
    temperature: float = 0.0
    num_ctx: int = 8192
    max_answer_tokens: int = 512
    slots: int = 4
    ahead: int = 2
    first_token_timeout_s: float = 10.0
    token_timeout_s: float = 5.0
    primary_first_token_s: float = 1.0
    fallback_first_token_s: float = 0.3
    margin_s: float = 0.2
    coalesce_ms: float = 50.0
    similarity_threshold: float | None = None
    rare_word_share: float = 0.01
    rare_word_coverage: float = 0.5
    alpha: float = 0.5
    overfetch: int = 4
    search_rounds: int = 5
    search_try_s: float = 5.0
    min_grounded: float = 0.0
    brief_prompt: bool = False
    rewrite: bool = True
    circuit_failures: int = 3
    circuit_open_s: float = 30.0
    guard_policy: Policy = "drop"
    rollout: Rollout | None = None

    def __post_init__(self) -> None:
        """Raises `Misconfigured` where an answer leaves no room for a prompt."""
        if self.prompt_tokens < MINIMUM_TOKENS:
            raise Misconfigured(
                f"num_ctx ({self.num_ctx}) must be at least {MINIMUM_TOKENS} more than max_answer_tokens "
                f"({self.max_answer_tokens}): the room for a prompt",
                setting="NUM_CTX",
            )

    @property
    def prompt_tokens(self) -> int:
        """What the window leaves for a prompt."""
        return self.num_ctx - self.max_answer_tokens

    @property
    def models(self) -> tuple[str, ...]:
        """Those that may answer."""
        rolled_out = (self.rollout.model,) if self.rollout else ()
        return (self.generate_model, self.fallback_model, *rolled_out)

    @property
    def warmed(self) -> tuple[str, ...]:
        """Those that are kept loaded, the one that is there soonest first.

        No other: where a model that is tried by shadow or rollout does not fit beside them, it would push
        them out.
        """
        return tuple(dict.fromkeys((self.fallback_model, self.generate_model)))

    @property
    def writing(self) -> Writing:
        """The part that is about how a model writes."""
        return Writing(self.temperature, self.num_ctx, self.max_answer_tokens)

    @property
    def routing(self) -> Routing:
        """The part that is about which model answers."""
        return Routing(
            self.generate_model,
            self.fallback_model,
            self.primary_first_token_s,
            self.fallback_first_token_s,
            self.circuit_failures,
            self.circuit_open_s,
            self.rollout,
        )

    @property
    def rewriting(self) -> Rewriting:
        """Who makes follow-up questions stand alone: no model that is too small to follow instructions."""
        model = self.fallback_model if self.rewrite and not self.brief_prompt else None
        return Rewriting(model, self.num_ctx, self.circuit_failures, self.circuit_open_s)

    @property
    def retrieval(self) -> Retrieval:
        """The part that is about finding passages."""
        weighing = Weighing(self.similarity_threshold, self.rare_word_share, self.rare_word_coverage)
        return Retrieval(self.alpha, self.overfetch, self.search_rounds, self.search_try_s, weighing)
