"""The Ollama API over httpx: wire models, a client, an embedder. Knows HTTP, not questions."""
