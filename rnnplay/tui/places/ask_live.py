"""A place whose question is put again while the network learns: Unroll and Time."""

from __future__ import annotations

from abc import abstractmethod
from time import monotonic

from rnnplay import protocol
from rnnplay.tui.messages import AnswerReceived, RunMessage
from rnnplay.tui.places.base import Place
from rnnplay.tui.state import answers

LIVE_TICKS = 20  # between two questions while it trains, at least
REST_FACTOR = 20  # times as long as an answer took is training left alone
NOTHING = "There is no network to look at yet. Go back with escape, choose a task and start it with enter."
LOADING = "Asking the network."


class LiveQuestions(Place):
    """An answer is painted at once, for a person waits for it; one to a question that was put since is dropped."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._requests: dict[type[protocol.Command], int] = {}  # the last one of each kind
        self._unanswered: set[int] = set()
        self._asked_step = -1  # that the last question was about
        self._asked_at = self._rests_until = 0.0

    @abstractmethod
    def ask(self) -> None:
        """Put the questions whose answers are shown."""

    @abstractmethod
    def show_answer(self, event: protocol.AnyEvent) -> None:
        """Show the answer that has come."""

    def take_back_question(self) -> None:
        """A question could not be answered; the status line says why."""

    @property
    def busy(self) -> bool:
        """Return whether a person is in the middle of something that a new answer would disturb."""
        return self.is_typing

    @property
    def empty(self) -> str:
        """Return what to say until there is an answer."""
        return LOADING if self.session.run is not None or self.session.state == "starting" else NOTHING

    def send_question(self, question: protocol.Command) -> None:
        """Send a question; an earlier one of its kind is withdrawn."""
        self._requests[type(question)] = self.session.send(question)
        self._unanswered.add(self._requests[type(question)])

    def request_data(self) -> None:
        self._asked_step, self._asked_at = self.session.step, monotonic()
        self._unanswered.clear()
        self.ask()

    def on_screen_resume(self) -> None:  # Textual calls that of the class above, too
        """Ask again what was answered while this place was covered."""
        if self._unanswered:
            self._request()

    def reset_run(self) -> None:
        self._requests.clear()

    def on_answer_received(self, message: RunMessage) -> None:
        if not isinstance(message, AnswerReceived) or self._is_about_another_run(message):
            return
        if not any(answers(message.event, request) for request in self._requests.values()):
            return
        self._unanswered.discard(message.event.request)
        if isinstance(message.event, protocol.Failed):
            self.take_back_question()
        else:
            now = monotonic()
            self._rests_until = now + REST_FACTOR * (now - self._asked_at)
            self.show_answer(message.event)
        self.update_bars()

    def before_paint(self) -> None:
        """Ask again when the network has moved on."""
        moved = self.session.step != self._asked_step
        due = self._ticks % LIVE_TICKS == 0 and monotonic() >= self._rests_until
        if moved and not self.busy and (due or self.session.state == "paused"):
            self._request()
