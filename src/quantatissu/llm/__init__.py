"""Everything that answers a conversation, behind one protocol: an engine here, an endpoint elsewhere, a script.

`open_model` opens a `ChatModel` by name. `chat` says what each does and what goes in and out; `local`, `remote` and
`scripted` are the three; `calls` finds tool calls that a model wrote as text.
"""

from quantatissu.llm.budget import Budget, BudgetSpent
from quantatissu.llm.calls import ParsedText, parse_calls
from quantatissu.llm.chat import (
    ChatModel,
    Completion,
    Delta,
    Finish,
    Infiller,
    Message,
    Scorer,
    ToolCall,
    ToolChoice,
    ToolSpec,
    Usage,
)
from quantatissu.llm.local import LocalChat
from quantatissu.llm.opening import open_model
from quantatissu.llm.remote import RemoteChat, RemoteError, RemoteSettings
from quantatissu.llm.scripted import ScriptedChat

__all__ = [
    "Budget",
    "BudgetSpent",
    "ChatModel",
    "Completion",
    "Delta",
    "Finish",
    "Infiller",
    "LocalChat",
    "Message",
    "ParsedText",
    "RemoteChat",
    "RemoteError",
    "RemoteSettings",
    "Scorer",
    "ScriptedChat",
    "ToolCall",
    "ToolChoice",
    "ToolSpec",
    "Usage",
    "open_model",
    "parse_calls",
]
