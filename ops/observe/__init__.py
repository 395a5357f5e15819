"""Watching rag-streams: the dashboard, the alerts, and a Prometheus to try them on."""
