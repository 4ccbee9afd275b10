"""The tasks whose items are generated, or read from a table: everything but a text read by characters."""

from rnnplay.catalogue.entry import Entry

ENTRIES: tuple[Entry, ...] = ()
