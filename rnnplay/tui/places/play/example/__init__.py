"""Play's fourth panel for a task with items: an example, or the answer to a question."""
