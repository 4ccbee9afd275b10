"""Messages to a person when something fails in the trainer: one sentence on what is wrong, one on what to do."""

import traceback

from rnnplay.config import UserError
from rnnplay.engine import TooLargeError


def describe(error: Exception) -> str:
    """The error's type and message, as "KeyError: 'W_hy'"."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def explain(error: Exception, run: str, training: bool) -> tuple[str, str]:
    """(problem, remedy) of an answer that failed. The traceback of a mistake of the program goes to the log.

    run: the run's directory; training: whether a run is open to be trained, which then goes on.
    """
    match error:
        case UserError():
            return error.problem, error.remedy
        case TooLargeError():
            problem, _, remedy = str(error).rpartition(". ")
            return f"{problem}.", remedy
        case OSError():
            return f'"{error.filename or run}" cannot be read ({error.strerror or error}).', "Make it readable."
    traceback.print_exception(error)
    remedy = f'Training goes on; the log in "{run}" says more.' if training else "Ask something else."
    return f"The program made a mistake: this cannot be answered ({describe(error)}).", remedy
