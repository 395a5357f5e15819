"""Access: whose key it is, what it may do, how often and how much at a time, and for how long it counts."""
