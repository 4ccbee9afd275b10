"""The palettes as themes of Textual's own widgets."""

from __future__ import annotations

from typing import Any

from textual.theme import BUILTIN_THEMES, Theme

from rnnplay.tui.paint.palette import Palette


def theme_of(palette: Palette) -> Theme:
    """The theme that gives Textual's own widgets the colours of `palette`."""
    if palette.system in ("16", "none"):
        ansi = BUILTIN_THEMES["ansi-dark"]
        return Theme(
            **{
                field: getattr(ansi, field)
                for field in ("primary", "secondary", "warning", "error", "success", "accent")
            },
            name=palette.name,
            foreground="ansi_default",
            background="ansi_default",
            surface="ansi_default",
            panel="ansi_default",
            boost="ansi_default",
            variables=dict(ansi.variables),
            ansi=True,
        )

    def colour(style: Any) -> str:
        return str(style.color.name)

    return Theme(
        name=palette.name,
        primary=colour(palette.key),
        accent=colour(palette.key),
        secondary=colour(palette.loss),
        success=colour(palette.good),
        warning=colour(palette.key),
        error=colour(palette.bad),
        foreground=colour(palette.text),
        background=str(palette.text.bgcolor.name if palette.text.bgcolor else ""),
        surface=str(palette.text.bgcolor.name if palette.text.bgcolor else ""),
        panel=str(palette.chosen.bgcolor.name if palette.chosen.bgcolor else ""),
        dark=palette.dark,
    )
