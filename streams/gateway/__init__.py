"""The front door: HTTP for those who don't speak Kafka. It keeps nothing that a restart would lose."""
