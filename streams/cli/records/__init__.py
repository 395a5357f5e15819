"""Records: documents and questions in, answers out, what happens and what could not be handled."""
