"""Editing a form in a place: keys choose a field, step through its values, and open the line for typing."""

from __future__ import annotations

from textual import events

from rnnplay.tui.forms.editor import FormEditor
from rnnplay.tui.forms.panel import FormPanel
from rnnplay.tui.places.base import Place


class FormActions(Place):
    """A place with a form."""

    @property
    def form(self) -> FormEditor | None:
        """The form whose keys come before all others."""
        return None

    def form_entered(self) -> None:
        """A person has pressed enter in a field."""

    def paint_form(self) -> None:
        """Show the form as it is now."""

    def action_step_field(self, by: int) -> None:
        """Give the chosen field the next value, or the one before."""
        if self.form is not None:
            self.form.step(by)
            self.paint_form()
            self.update_bars()

    def action_choose_field(self, by: int) -> None:
        """Go to the field below, or above."""
        if self.form is not None:
            self.form.choose(self.form.cursor + by)
            self.paint_form()
            self.update_bars()

    def on_form_panel_field_clicked(self, event: FormPanel.FieldClicked) -> None:
        event.stop()
        self.form_clicked(event.panel.id or "")
        if self.form is not None and not self.is_typing:
            self.form.choose(event.row)
            if event.by:
                self.action_step_field(event.by)
            self.paint_form()

    def form_clicked(self, panel: str) -> None:
        """A field of the panel with this id was clicked: edit that form."""

    # ---------------------------------------------------------------------------------------------------------- typing

    async def take_key(self, event: events.Key) -> bool:
        if await super().take_key(event):
            return True
        if self.is_typing or self.form is None:
            return False
        typed = self.form.typed(event.key, event.character)
        if typed is not None:
            self._type_value(typed)
        return typed is not None

    async def take_paste(self, text: str) -> bool:
        if await super().take_paste(text) or self.form is None:
            return True
        if lines := text.splitlines():
            self._type_value(lines[0])
        return True

    def _type_value(self, value: str) -> None:
        if (form := self.form) is not None:
            self.ask_text(form.field.label, self._take_value, value, form.matches)
            self._typed_form = form

    def _take_value(self, text: str) -> None:
        """Take a value, then do what enter does in the form. Raises UserError."""
        if (form := self._typed_form) is not None:
            form.set_text(text)
            self.paint_form()
            self.form_entered()

    def close_prompt(self) -> None:
        super().close_prompt()
        self.paint_form()

    def action_leave_prompt(self, by: int) -> None:
        """Take what was typed and go to the field above or below. Raises UserError where it cannot be taken."""
        form = self._typed_form
        if form is not None and self.is_typing:
            form.set_text(self.prompt.input.value)
            self.close_prompt()
            form.choose(form.cursor + by)
            self.paint_form()
            self.update_bars()
