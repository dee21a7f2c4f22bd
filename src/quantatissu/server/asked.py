"""What requests may hold. Fields that change nothing here are ignored, as are those that nobody knows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Count = Annotated[int, Field(ge=1)]
Stops = str | list[str] | None


class _Asked(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=False)

    model: str
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0)] = 0
    min_p: Annotated[float, Field(ge=0, le=1)] = 0.0
    repetition_penalty: Annotated[float, Field(gt=0)] = 1.0
    seed: int | None = None
    stream: bool = False
    user: str | None = None


class StreamOptions(BaseModel):
    """Of a streamed answer."""

    model_config = ConfigDict(extra="ignore")
    include_usage: bool = False


class Part(BaseModel):
    """A piece of a message; only text is understood."""

    model_config = ConfigDict(extra="ignore")
    type: str
    text: str | None = None
    refusal: str | None = None


class Function(BaseModel):
    """A tool."""

    model_config = ConfigDict(extra="ignore")
    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_.:-]+$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(BaseModel):
    """As chat completions write one."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["function"]
    function: Function


class Called(BaseModel):
    """The function of a call."""

    model_config = ConfigDict(extra="ignore")
    name: str
    arguments: str = "{}"


class Call(BaseModel):
    """A call in a message of the assistant."""

    model_config = ConfigDict(extra="ignore")
    id: str
    type: Literal["function"] = "function"
    function: Called


class Turn(BaseModel):
    """A message."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None


class Named(BaseModel):
    """A choice of one tool."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["function"]
    function: Called | None = None
    name: str | None = None

    @property
    def tool(self) -> str:
        """Its name."""
        return self.name or (self.function.name if self.function else "")


class Schema(BaseModel):
    """The schema of an answer."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)
    name: str = "answer"
    table: Annotated[dict[str, Any], Field(alias="schema", default_factory=dict)]


class Format(BaseModel):
    """The form of an answer. The responses interface writes the schema's fields beside the type."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)
    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: Schema | None = None
    table: Annotated[dict[str, Any] | None, Field(alias="schema")] = None


class ChatAsked(_Asked):
    """``/v1/chat/completions``."""

    messages: Annotated[list[Turn], Field(min_length=1)]
    max_completion_tokens: Count | None = None
    max_tokens: Count | None = None
    n: Count = 1
    stop: Stops = None
    stream_options: StreamOptions | None = None
    logprobs: bool = False
    top_logprobs: Annotated[int, Field(ge=0, le=20)] = 0
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] = 0.0
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] = 0.0
    logit_bias: dict[int, Annotated[float, Field(ge=-100, le=100)]] | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | Named | None = None
    response_format: Format | None = None


class CompletionAsked(_Asked):
    """``/v1/completions``."""

    prompt: str | list[int] | list[str] | list[list[int]] = ""
    suffix: str | None = None
    max_tokens: Annotated[int, Field(ge=0)] | None = 16
    n: Count = 1
    stop: Stops = None
    stream_options: StreamOptions | None = None
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    echo: bool = False
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] = 0.0
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] = 0.0
    logit_bias: dict[int, Annotated[float, Field(ge=-100, le=100)]] | None = None

    @field_validator("prompt")
    @classmethod
    def _something(cls, prompt: Any) -> Any:
        if isinstance(prompt, list) and not prompt:
            raise ValueError("an empty list asks for nothing")
        return prompt


class TextSettings(BaseModel):
    """The form of a response's text."""

    model_config = ConfigDict(extra="ignore")
    format: Format = Format()


class ResponseTool(BaseModel):
    """As the responses interface writes a tool."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["function"]
    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_.:-]+$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Item(BaseModel):
    """A piece of a response's input: a message, a call, or what a call gave."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["message", "function_call", "function_call_output", "reasoning"] = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[Part] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[Part] | None = None


class ResponseAsked(_Asked):
    """``/v1/responses``."""

    input: str | Annotated[list[Item], Field(min_length=1)]
    instructions: str | None = None
    max_output_tokens: Count | None = None
    tools: list[ResponseTool] | None = None
    tool_choice: Literal["none", "auto", "required"] | Named | None = None
    text: TextSettings = TextSettings()
    previous_response_id: str | None = None
    background: bool | None = None
    metadata: dict[str, Any] | None = None
