"""Change data capture: what PostgreSQL, Kafka Connect and a worker are given, by compose and by the tests."""
