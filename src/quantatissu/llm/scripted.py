"""`ChatModel` that says what it was told to, for tests and demonstrations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from quantatissu.foundation import QuantaError
from quantatissu.inference import Constraint, Sampling
from quantatissu.llm.chat import Completion, Delta, Message, ToolChoice, ToolSpec, gather

Line = str | Completion | BaseException | Callable[[Sequence[Message]], "str | Completion"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a scripted model was asked."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...]
    tool_choice: ToolChoice
    n: int
    sampling: Sampling
    constraint: Constraint | None


class ScriptedChat:
    """Gives ``lines`` one after another: texts, completions, errors to raise, or functions of the conversation.

    ``asked`` keeps what came in. Raises QuantaError when the script is at its end.
    """

    def __init__(self, lines: Iterable[Line], *, name: str = "scripted") -> None:
        self.name, self.asked = name, list[Asked]()
        self._lines = iter(lines)

    def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        tool_choice: ToolChoice = "auto",
        n: int = 1,
        sampling: Sampling | None = None,
        constraint: Constraint | None = None,
    ) -> list[Completion]:
        """See `ChatModel.complete`. Each of the ``n`` is the next line."""
        stream = self.stream(
            messages, tools=tools, tool_choice=tool_choice, n=n, sampling=sampling, constraint=constraint
        )
        return gather(stream, n)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        tool_choice: ToolChoice = "auto",
        n: int = 1,
        sampling: Sampling | None = None,
        constraint: Constraint | None = None,
    ) -> Iterator[Delta]:
        """See `ChatModel.stream`. Texts come line by line."""
        self.asked.append(Asked(tuple(messages), tuple(tools), tool_choice, n, sampling or Sampling(), constraint))
        for index in range(n):
            said = self._next(messages)
            for text in said.text.splitlines(keepends=True):
                yield Delta(index, text)
            yield Delta(index, "", said.calls, said.finish, said.usage, said.scores, said.complete)

    def close(self) -> None:
        """See `ChatModel.close`."""

    def _next(self, messages: Sequence[Message]) -> Completion:
        try:
            line = next(self._lines)
        except StopIteration:
            raise QuantaError("the script has no more lines") from None
        if isinstance(line, BaseException):
            raise line
        said = line(messages) if callable(line) else line
        if isinstance(said, Completion):
            return said
        return Completion(said)
