"""rag-streams: document changes and questions in, grounded answers out, over Kafka."""

__version__ = "0.1.0"
