"""The engine as a process of its own, and its HTTP API on a Unix socket in the installation directory (docs/api.md)."""
