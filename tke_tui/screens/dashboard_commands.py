"""What a person can have the engine do from the dashboard, who may, and what the engine asks."""

from __future__ import annotations

from textual import work

from tke_tui.core.events import QuestionAsked
from tke_tui.messages import _
from tke_tui.screens.failure_actions import FailureActions
from tke_tui.screens.obeyed import in_control, obey, stop_after_asking
from tke_tui.view_types import Changes


class DashboardCommands(FailureActions):
    """The part of the dashboard that does not draw. Dialogs are imported when they are needed: the start stays fast."""

    def __init__(self) -> None:
        super().__init__()
        self._failure = ""
        """Task of the failure on the card."""
        self._said = ""
        self._asking = ""
        self._put_off: set[str] = set()
        self._answered: set[str] = set()
        self._seen_at_work = False
        self._ended_well = False

    # --- who may do what -------------------------------------------------------------------------------------------

    @property
    def in_control(self) -> bool:
        """Whether commands of this client are obeyed."""
        return in_control(self.app)

    def may(self, action: str) -> bool:
        """Whether a key has anything to do right now."""
        if not self.app.attached:
            return action not in ("retry", "result", "take_over", "stop", "logs", "path", "answer")
        view = self.app.view
        match action:
            case "retry":
                return bool(view.failures)
            case "result":
                return view.status == "success"
            case "take_over":
                return not self.in_control
            case "stop":
                return view.status == "doing" and view.engine_alive
            case "answer":
                return bool(self._open_question())
            case _:
                return True

    def _who(self) -> str:
        if not self.in_control:
            return _("only watching")
        return _("in control") if self.app.view.mine else ""

    def _notice_text(self) -> str:
        view = self.app.view
        question = self._open_question()
        if question is not None and self.in_control:
            text = _("The host key of {host} waits for your answer: press a.")
            return text.format(host=question.host)
        if question is not None:
            text = _("The host key of {host} waits for an answer of whoever is in control.")
            return text.format(host=question.host)
        if view.status == "success":
            return _("The installation has ended well. Press v to see what came of it.")
        if not self.in_control:
            if not view.controller:
                return _("Only watching. Press T to take over.")
            return _("Only watching: {who} is in control. Press T to take over.").format(who=view.controller)
        return ""

    # --- other screens ---------------------------------------------------------------------------------------------

    def open_task(self, task: str) -> None:
        from tke_tui.screens.task import TaskScreen

        self.app.push_screen(TaskScreen(task))

    def open_step(self, name: str) -> None:
        from tke_tui.screens.step import StepScreen

        self.app.push_screen(StepScreen(name))

    def open_logs(self, node: str | None, task: str | None = None) -> None:
        """The logs of a machine ("" = the installer), or of all (None)."""
        from tke_tui.screens.logs import LogsScreen

        self.app.push_screen(LogsScreen(node, task))

    def action_result(self) -> None:
        from tke_tui.screens.done import DoneScreen

        self.app.push_screen(DoneScreen())

    def action_detach(self) -> None:
        self.app.leave()

    def _look_for_the_end(self, *, live: bool) -> None:
        """Show the result once, unless it would take the place of something that is being read.

        Not `live` means that the person comes back to this screen: then the notice is enough.
        """
        if self.app.view.status != "success":
            self._seen_at_work |= self.app.view.status == "doing"
            self._ended_well = False
        elif not self._ended_well:
            self._ended_well = True
            if (live or not self._seen_at_work) and self.is_active and not self.is_reading:
                self.action_result()

    @property
    def is_reading(self) -> bool:
        """Whether a person has turned to something on this screen."""
        raise NotImplementedError

    def _draw(self, changes: Changes | None) -> None:
        raise NotImplementedError

    def _show_notice(self) -> None:
        raise NotImplementedError

    # --- commands --------------------------------------------------------------------------------------------------

    def action_retry(self) -> None:
        """Ask which failures to try again."""
        self._retry(())

    def action_stop(self) -> None:
        stop_after_asking(self.app)

    @work(exclusive=True, group="command", exit_on_error=False)
    async def action_take_over(self) -> None:
        from tke_tui.screens.modals.take_over import TakeOverModal

        yes = await self.app.push_screen_wait(TakeOverModal(self.app.view.controller))
        if yes and await obey(self.app, lambda: self.app.client.take_control()):
            self.context.read_only = False
            self._draw(None)

    # --- questions -------------------------------------------------------------------------------------------------

    def _open_question(self) -> QuestionAsked | None:
        asked = self.app.view.questions
        return next((each for each in asked if each.question not in self._answered), None)

    def _look_for_questions(self) -> None:
        """Ask what the engine wants to know, one question at a time; a person may put it off with escape."""
        open_ = {asked.question: asked for asked in self.app.view.questions}
        self._put_off &= open_.keys()
        self._answered &= open_.keys()
        if self._asking and self._asking not in open_:
            self._withdraw()
        if self._asking or not self.is_active or not self.in_control:
            return
        asked = next(
            (each for name, each in open_.items() if name not in self._put_off | self._answered), None
        )
        if asked is not None:
            self._ask(asked)

    def action_answer(self) -> None:
        self._put_off.clear()
        self._look_for_questions()

    def _withdraw(self) -> None:
        """Somebody else has answered: take the dialog away."""
        from tke_tui.screens.modals.host_key import HostKeyModal

        self._asking = ""
        if isinstance(self.app.screen, HostKeyModal):
            self.app.screen.dismiss(None)

    @work(exclusive=True, group="question", exit_on_error=False)
    async def _ask(self, asked: QuestionAsked) -> None:
        from tke_tui.screens.modals.host_key import HostKeyModal

        self._asking = asked.question
        yes = await self.app.push_screen_wait(HostKeyModal(asked))
        if self._asking == asked.question:
            self._asking = ""
            if yes is None:
                self._put_off.add(asked.question)
            else:
                # The engine tells that it is answered a little later: it is not asked twice meanwhile.
                self._answered.add(asked.question)
                if not await obey(self.app, lambda: self.app.client.answer(asked.question, yes)):
                    self._answered.discard(asked.question)
                    self._put_off.add(asked.question)
        self._show_notice()
        self._look_for_questions()
