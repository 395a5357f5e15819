"""How the guide is made into a site: `make docs`."""

from __future__ import annotations

project = "rag-streams"
author = "the rag-streams authors"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
html_theme = "furo"
html_title = "rag-streams"
html_copy_source = False
html_show_sphinx = False
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]
