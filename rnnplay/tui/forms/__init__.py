"""Fields, the form that edits them, and the line that is typed below a screen."""
