"""Every setting, once: `STREAMS_*` in the environment or in `.env`, typed, checked before any work.

A secret may also come as `STREAMS_…_FILE`, the path of a file that holds it. A name that nobody knows is
refused, so that a misspelt one is not silently a default.
"""

from streams.settings.loading import load
from streams.settings.table import Settings

__all__ = ["Settings", "load"]
