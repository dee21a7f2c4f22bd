"""Jinja as chat templates use it, in its sandbox: a template comes with somebody's model, and is a program.

What a template finds here (filters, functions, whitespace) is what transformers gives it, so that the texts are equal.
Needs jinja2, imported at the first use.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from quantatissu.foundation import QuantaError

if TYPE_CHECKING:
    import jinja2

MARKS = "generation_marks"
"""The variable of a template that holds what is put before and after each ``{% generation %}`` block."""
LONGEST_ADVICE = 200


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template ready to run. ``literals`` is all text that it writes itself, ``marks_generation`` whether it says
    what the assistant wrote.
    """

    template: jinja2.Template
    literals: str
    marks_generation: bool

    def render(self, variables: Mapping[str, Any]) -> str:
        """The text. Raises QuantaError when the template refuses, or fails."""
        import jinja2

        try:
            return self.template.render(variables)
        except jinja2.TemplateError as error:
            raise QuantaError(f"the chat template refuses: {_short(error)}") from error
        except (TypeError, ValueError, KeyError, AttributeError, IndexError, ArithmeticError, RecursionError) as error:
            raise QuantaError(f"the chat template fails on these messages: {_short(error)}") from error


@lru_cache(maxsize=16)
def compile_template(source: str) -> Compiled:
    """Raises QuantaError for a text that is no template, and when jinja2 is not installed."""
    try:
        import jinja2
    except ImportError as error:
        raise QuantaError(
            "chat templates need jinja2, not installed here", hint="pip install 'quantatissu[train]'"
        ) from error
    environment = _environment()
    try:
        tree = environment.parse(source)
        template = environment.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        raise QuantaError(f"the chat template is not valid Jinja: line {error.lineno}: {_short(error)}") from error
    literals = [node.data for node in tree.find_all(jinja2.nodes.TemplateData)]
    literals += [node.value for node in tree.find_all(jinja2.nodes.Const) if isinstance(node.value, str)]
    marked = any(name.value == MARKS for name in tree.find_all(jinja2.nodes.Const))
    return Compiled(template, "\0".join(literals), marked)


def _environment() -> jinja2.Environment:
    import jinja2
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """``{% generation %}``: what is inside is the assistant's. Marked when the variable `MARKS` says how."""

        tags = {"generation"}  # noqa: RUF012 - jinja reads it from the class

        def parse(self, parser: jinja2.parser.Parser) -> jinja2.nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            arguments: list[jinja2.nodes.Expr] = [jinja2.nodes.ContextReference(), jinja2.nodes.Const(MARKS)]
            return jinja2.nodes.CallBlock(self.call_method("_marked", arguments), [], [], body).set_lineno(line)

        def _marked(self, context: jinja2.runtime.Context, name: str, caller: Callable[[], str]) -> str:
            before, after = context.get(name) or ("", "")
            return f"{before}{caller()}{after}"

    class Namespace(jinja2.utils.Namespace):
        """Without names that begin with an underscore: the sandbox looks at those of other objects only."""

        def __init__(*args: Any, **kwargs: Any) -> None:
            self, given = args[0], dict(*args[1:], **kwargs)
            for name in given:
                _require_plain(name)
            jinja2.utils.Namespace.__init__(self, given)

        def __setitem__(self, name: str, value: Any) -> None:
            _require_plain(name)
            super().__setitem__(name, value)

    def _require_plain(name: str) -> None:
        if name.startswith("_"):
            raise jinja2.exceptions.SecurityError(f"a namespace takes no name like {name}")

    def refuse(message: str) -> None:
        raise jinja2.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals |= {"raise_exception": refuse, "namespace": Namespace, "dict": _Dict()}
    return environment


class _Dict:
    """``dict`` for templates: it makes dictionaries, and has no attributes that lead anywhere."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args)


def strftime_at(moment: datetime | None) -> Callable[[str], str]:
    """``strftime_now`` for templates: of `moment`, or of the time it is called at."""

    def strftime_now(form: str) -> str:
        return (moment or datetime.now()).strftime(form)

    return strftime_now


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Jinja's own filter would escape for HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST_ADVICE else text[:LONGEST_ADVICE] + " …"
