"""Network: every matrix, its weights, its spectrum, and how open the gates are."""
