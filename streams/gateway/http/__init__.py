"""HTTP: what every request and response has: bodies, queries, bounds, problems, events, traces."""
