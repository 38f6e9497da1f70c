"""Readers of texts that list machines: one file per format. `forms.machines_text` is the way in."""
