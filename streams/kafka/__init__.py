"""What of Kafka is not Faust: topics, watermarks, the done log, dead letters, producing and reading."""
