"""tke-tui: a terminal installer for the TKEStack platform."""

__version__ = "0.1.0"
