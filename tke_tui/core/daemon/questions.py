"""What the engine asks a person while it works; an answer may come from any client that is in control, at any time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from tke_tui.core.adapters.ssh_types import HostKeyQuestion
from tke_tui.core.errors import UsageError
from tke_tui.core.events import Event, QuestionAnswered, QuestionAsked


class NotAsked(UsageError):
    """No such question is open."""


class Questions:
    """`tell` gets a `QuestionAsked` and later a `QuestionAnswered` for every question."""

    def __init__(self, tell: Callable[[Event], None], clock: Callable[[], float]) -> None:
        self._tell = tell
        self._clock = clock
        self._numbers = itertools.count(1)
        self._open: dict[str, tuple[QuestionAsked, asyncio.Future[bool]]] = {}

    @property
    def open(self) -> list[QuestionAsked]:
        return [asked for asked, _ in self._open.values()]

    async def ask_host_key(self, question: HostKeyQuestion) -> bool:
        """Wait until a person has compared the fingerprint; no limit of time, but the wait can be cancelled."""
        asked = QuestionAsked(
            at=self._clock(),
            question=str(next(self._numbers)),
            topic="host_key",
            host=question.host,
            port=question.port,
            algorithm=question.algorithm,
            fingerprint=question.fingerprint,
        )
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._open[asked.question] = (asked, future)
        self._tell(asked)
        answer = False
        try:
            answer = await future
        finally:
            del self._open[asked.question]
            self._tell(QuestionAnswered(at=self._clock(), question=asked.question, yes=answer))
        return answer

    def answer(self, question: str, yes: bool) -> None:
        """Raises `NotAsked` when the question is not open (any more)."""
        _, future = self._open.get(question, (None, None))
        if future is None or future.done():
            raise NotAsked(
                f"Question {question} is not open", detail="it was answered, or is not needed any more"
            )
        future.set_result(yes)
