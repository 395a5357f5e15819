"""OpenAPI: what the document shows of responses."""
