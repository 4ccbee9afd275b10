"""How panels are laid out, and what a key does there."""
