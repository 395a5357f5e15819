"""What is seen of a running worker: logs, metrics, health. `worker` injects it, the core never imports it."""
