"""What a measurement of the terminal UI says: a figure, its limit, whether it is good enough."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` and `limit` in `unit`; `limit` None is for information only. Smaller is better."""

    name: str
    value: float
    limit: float | None = None
    unit: str = ""
    note: str = ""

    @property
    def good(self) -> bool:
        return self.limit is None or self.value <= self.limit

    def __str__(self) -> str:
        value = f"{self.value:.4g}{f' {self.unit}' if self.unit else ''}"
        verdict = (
            "" if self.limit is None else f"  limit {self.limit:.4g}  {'ok' if self.good else 'TOO SLOW'}"
        )
        return f"{self.name:<58} {value:>12}{verdict}{f'  ({self.note})' if self.note else ''}"
