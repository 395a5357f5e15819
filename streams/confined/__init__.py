"""Cutting documents in processes of their own, with limits that nothing in them escapes."""
