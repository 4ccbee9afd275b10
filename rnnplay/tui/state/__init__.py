"""What is known of the run and what a person has chosen: plain objects without a widget."""
