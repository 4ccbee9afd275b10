"""Pure functions: a view and a size in, rows of styled cells out. No widget, no app, no clock."""
