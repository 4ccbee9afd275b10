"""Play: choose a task, watch it being learned, look inside, let it write."""
