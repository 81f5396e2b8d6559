"""BERT in plain numpy: the reference that the exported graphs are held against.

Written from the paper (Devlin et al. 2018) and independent of the exporter but for the reading of
the weights' file.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
_ERF = np.vectorize(math.erf)


class NumpyBert:
    """``weights`` by their names in the safetensors file; ``config`` as in config.json."""

    def __init__(self, weights: dict[str, npt.NDArray[Any]], config: dict[str, Any]) -> None:
        self._weights = {name: np.asarray(value, np.float64) for name, value in weights.items()}
        self._layers = int(config["num_hidden_layers"])
        self._heads = int(config["num_attention_heads"])
        self._epsilon = float(config["layer_norm_eps"])

    def sentence_vector(self, token_ids: list[int]) -> Array:
        """(hidden,) float64: the mean of the last hidden states, with length 1."""
        states = self._embed(np.array(token_ids))
        for layer in range(self._layers):
            states = self._layer(states, f"encoder.layer.{layer}")
        mean: Array = states.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _embed(self, token_ids: npt.NDArray[Any]) -> Array:
        words = self._weights["embeddings.word_embeddings.weight"][token_ids]
        positions = self._weights["embeddings.position_embeddings.weight"][: len(token_ids)]
        first_type = self._weights["embeddings.token_type_embeddings.weight"][0]
        return self._norm(words + positions + first_type, "embeddings.LayerNorm")

    def _layer(self, states: Array, name: str) -> Array:
        attended = self._linear(
            self._attend(states, f"{name}.attention.self"), f"{name}.attention.output.dense"
        )
        states = self._norm(states + attended, f"{name}.attention.output.LayerNorm")
        inner = self._linear(states, f"{name}.intermediate.dense")
        gelu = inner / 2 * (1 + _ERF(inner / math.sqrt(2)))
        outer = self._linear(gelu, f"{name}.output.dense")
        return self._norm(states + outer, f"{name}.output.LayerNorm")

    def _attend(self, states: Array, name: str) -> Array:
        query, key, value = (
            np.split(self._linear(states, f"{name}.{part}"), self._heads, axis=1)
            for part in ("query", "key", "value")
        )
        mixed = []
        for head in range(self._heads):
            scores = query[head] @ key[head].T / math.sqrt(query[head].shape[1])
            shares = np.exp(scores - scores.max(axis=1, keepdims=True))
            mixed.append(shares / shares.sum(axis=1, keepdims=True) @ value[head])
        return np.concatenate(mixed, axis=1)

    def _linear(self, states: Array, name: str) -> Array:
        product: Array = states @ self._weights[f"{name}.weight"].T
        return product + self._weights[f"{name}.bias"]

    def _norm(self, states: Array, name: str) -> Array:
        centred = states - states.mean(axis=1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=1, keepdims=True) + self._epsilon)
        return centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
