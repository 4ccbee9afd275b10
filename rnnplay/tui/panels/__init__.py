"""Thin widgets: each holds one view, paints it once, and sends only the rows that changed."""
