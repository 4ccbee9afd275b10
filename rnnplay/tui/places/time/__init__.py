"""Time: how far back the gradient reaches, and which past mattered."""
