"""all-MiniLM-L6-v2 on ONNX Runtime: mean pooling over the tokens, unit vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from streams.embedded.models import MINILM

if TYPE_CHECKING:
    from pathlib import Path


class MiniLM:
    """The model, loaded. Calls block and may come from any thread."""

    def __init__(self, onnx: Path, tokenizer: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that wait by spinning take the processor from the broker and the worker beside them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        # The file asks for 128 tokens, padded.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def tokens(self, text: str) -> list[int]:
        """The text's token ids, the model's start and end included."""
        return list(self._tokenizer.encode(text).ids)

    def embed(self, tokens: list[int]) -> list[float]:
        """The unit vector of a text's tokens; of more than the model's window, of the first and the end."""
        if len(tokens) > MINILM.context_length:
            tokens = [*tokens[: MINILM.context_length - 1], tokens[-1]]
        ids = np.asarray([tokens], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        (states,) = self._session.run(["last_hidden_state"], inputs)
        mean = np.asarray(states)[0].mean(axis=0)
        return [float(x) for x in mean / np.linalg.norm(mean)]
