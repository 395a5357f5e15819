"""What `up` starts where no server is given: a broker, and a model server that speaks Ollama's API."""
