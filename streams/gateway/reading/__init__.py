"""Reading: the index, receipts and dead letters as one key may see them, and how all of it stands."""
