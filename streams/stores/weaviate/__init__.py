"""The index in Weaviate."""

import warnings

with warnings.catch_warnings(record=True):
    # The client's import warns of what its own dependencies will drop: nothing that a reader could change.
    warnings.simplefilter("ignore")
    import weaviate as _client  # noqa: F401 - imported first, for its warnings' sake

from streams.stores.weaviate.connect import WeaviateConfig
from streams.stores.weaviate.index import WeaviateIndex, open_weaviate_index
from streams.stores.weaviate.store import WeaviateStore, open_weaviate

__all__ = ["WeaviateConfig", "WeaviateIndex", "WeaviateStore", "open_weaviate", "open_weaviate_index"]
