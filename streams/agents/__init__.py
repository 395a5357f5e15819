"""The rooms that know Faust: records in, acknowledged in order, nothing lost; the agents that do the work."""
