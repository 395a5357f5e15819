"""The Ollama API over HTTP: wire models, a client, an embedder. Knows HTTP, not questions."""
