"""The tracebacks of the screen's own failures: a file beside the runs, made when the first is written."""

import logging
from pathlib import Path

from rnnplay.tui.current_trainer import LOG_NAME


class ErrorLog(logging.FileHandler):
    """Appends records to LOG_NAME in the folder of the runs. A file that cannot be written is let be."""

    def __init__(self, root: Path) -> None:
        super().__init__(root / LOG_NAME, encoding="utf-8", errors="backslashreplace", delay=True)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
            super().emit(record)
        except OSError:
            pass  # the status line says what happened

    def handleError(self, record: logging.LogRecord) -> None:
        """Print nothing: the terminal belongs to the screen."""


def log_errors_to(root: Path) -> None:
    """Write warnings and errors of this package to the file in `root`."""
    logger = logging.getLogger("rnnplay")
    for handler in [handler for handler in logger.handlers if isinstance(handler, ErrorLog)]:
        logger.removeHandler(handler)
    logger.addHandler(ErrorLog(root))
