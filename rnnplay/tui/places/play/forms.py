"""Play's two forms: the settings of the network that would be started, and those of the sample."""

from __future__ import annotations

from typing import Any

import msgspec

from rnnplay.tui.forms.editor import FormEditor
from rnnplay.tui.forms.fields import LIVE, SAMPLE_FIELDS, fields_for
from rnnplay.tui.forms.panel import FormPanel
from rnnplay.tui.places.edit_form import FormActions
from rnnplay.tui.places.play.panels import SamplePanel, TaskPanel


class PlayForms(FormActions):
    """A place with the settings of the network in a panel, and those of the sample beside its text."""

    task_panel: TaskPanel
    sample_panel: SamplePanel

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.editor = FormEditor(self.set_field)
        self.sample_editor = FormEditor(self.set_sampling)
        self.sampling_edited = False  # the fields of the sample are open
        self.settings_panel = FormPanel(id="settings")
        self.sampling_panel = FormPanel(id="sampling")

    def action_start(self) -> None:
        """Do what enter does."""

    @property
    def form(self) -> FormEditor | None:
        if self.focused is self.settings_panel:
            return self.editor
        return self.sample_editor if self.sampling_edited and self.focused is self.sample_panel else None

    def form_clicked(self, panel: str) -> None:
        if panel == "sampling":
            self.sampling_edited = True
            self.show_panel(self.sample_panel)
        else:
            self.show_panel(self.settings_panel)
            self.paint_form()  # a person's own values, before the next key of the same read

    def form_entered(self) -> None:
        self.action_start()

    def set_field(self, name: str, value: Any) -> None:
        """Take a setting of the network: at once where the run can take it. Raises UserError."""
        self.drafts.set(name, value)
        running = self.session.config
        if name in LIVE and self.session.has_trainer and running is not None and running.task == self.drafts.task:
            self.session.change(**{name: float(value)})

    def set_sampling(self, name: str, value: Any) -> None:
        """Take a setting of the next sample. Raises UserError."""
        self.session.sample.settings = self.session.sample.settings.change(name, value)

    def paint_form(self) -> None:
        """Show the settings of the network that would be started, and those of the sample while they are edited.

        Those of a network of the gallery are shown until a person edits their own.
        """
        gallery, config = self.session.gallery, self.session.config
        values, whose = self.drafts.values(self.session.user_config), "Network"
        if gallery is not None and config is not None and config.task == self.drafts.task:
            whose = "Your own" if self.form is self.editor else "Gallery"
        if whose == "Gallery" and config is not None:
            values = msgspec.structs.asdict(config)
        self.editor.show(fields_for(self.drafts.task, self.full == "settings"), values)
        changed = frozenset(self.drafts.pending(self.session.user_config))
        title = f"{whose} · {self.drafts.item.name}"
        self.settings_panel.view = self.editor.view(changed, self.form is self.editor, title)
        how = self.session.sample.settings
        self.sample_editor.show(SAMPLE_FIELDS, {field.name: getattr(how, field.name) for field in SAMPLE_FIELDS})
        self.sampling_panel.view = self.sample_editor.view(frozenset(), True, "How it is drawn")
        self.sampling_panel.display = self.sampling_edited

    def action_edit(self) -> None:
        """Edit the network; on a sample, how it is drawn."""
        if self.focused is self.sample_panel and not self.session.example.is_shown:
            self.sampling_edited = True
            self.paint_form()
            self.update_bars()
        else:
            self.show_panel(self.settings_panel)
            self.paint_form()

    def _leave_form(self) -> None:
        """Keep the values of the run."""
        if self.session.user_config is not None and self.session.user_config.task == self.drafts.task:
            self.drafts.adopt(self.session.user_config)
        self.show_panel(self.task_panel)
