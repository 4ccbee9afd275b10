"""Widgets that several places show, with their data and painting."""
