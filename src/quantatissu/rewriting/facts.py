"""What the code around a statement suggests: its variables, what they seem to hold, and what its function returns.

Everything is read off the syntax once per function and kept; the guesses decide what is tried first, never what is
allowed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import log1p

from quantatissu.rewriting.blocks import code_start, parts_of
from quantatissu.rewriting.project import dotted
from quantatissu.rewriting.source import FunctionNode, Source, Statement

# What a variable seems to hold.
NUMBER, TEXT, FLAG, LIST, SET, DICT, DEQUE, SEQUENCE, NONE = (
    "number",
    "text",
    "flag",
    "list",
    "set",
    "dict",
    "deque",
    "sequence",
    "none",
)
CONTAINERS = (LIST, SET, DICT, DEQUE)
SIZED = (*CONTAINERS, SEQUENCE, TEXT)

_CALL_KINDS = {
    "list": LIST, "sorted": LIST, "dict": DICT, "defaultdict": DICT, "Counter": DICT, "OrderedDict": DICT, "set": SET,
    "deque": DEQUE, "str": TEXT, "repr": TEXT, "len": NUMBER, "int": NUMBER, "float": NUMBER, "sum": NUMBER,
    "abs": NUMBER, "round": NUMBER, "ord": NUMBER, "bool": FLAG, "isinstance": FLAG, "tuple": SEQUENCE,
    "range": SEQUENCE, "collections.deque": DEQUE, "collections.defaultdict": DICT, "collections.OrderedDict": DICT,
    "collections.Counter": DICT, "any": FLAG, "all": FLAG,
}  # fmt: skip
_METHOD_KINDS = {
    "append": LIST, "extend": LIST, "insert": LIST, "sort": LIST, "reverse": LIST, "add": SET, "discard": SET,
    "union": SET, "intersection": SET, "items": DICT, "keys": DICT, "values": DICT, "setdefault": DICT, "get": DICT,
    "popleft": DEQUE, "appendleft": DEQUE, "strip": TEXT, "split": TEXT, "lower": TEXT, "upper": TEXT,
    "startswith": TEXT, "endswith": TEXT, "replace": TEXT, "join": TEXT, "format": TEXT, "encode": TEXT,
    "splitlines": TEXT, "lstrip": TEXT, "rstrip": TEXT,
}  # fmt: skip
_ANSWERING = ("startswith", "endswith", "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower", "issubset")
_ANNOTATION_KINDS = {
    "int": NUMBER, "float": NUMBER, "str": TEXT, "bool": FLAG, "list": LIST, "List": LIST, "dict": DICT, "Dict": DICT,
    "set": SET, "Set": SET, "deque": DEQUE, "Sequence": SEQUENCE, "Iterable": SEQUENCE, "tuple": SEQUENCE,
    "Tuple": SEQUENCE, "Mapping": DICT,
}  # fmt: skip
_ARITHMETIC = (ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Pow, ast.LShift, ast.RShift)
_IDENTITIES = {
    NUMBER: ("0", "1", "-1"),
    TEXT: ("''",),
    FLAG: ("False", "True"),
    LIST: ("[]",),
    SEQUENCE: ("[]", "()"),
    SET: ("set()",),
    DICT: ("{}",),
    DEQUE: ("deque()",),
    NONE: ("None",),
}
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
ScopeWithBody = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
SELF_NAMES = frozenset({"self", "cls", "mcs"})


@dataclass
class Scope:
    """One function's (or module's, or class body's) own code, summed up."""

    node: ScopeWithBody
    source: Source
    parameters: list[str] = field(default_factory=list)
    bound: dict[str, int] = field(default_factory=dict)  # variable -> first line that binds it (parameters: the def)
    uses: dict[str, list[int]] = field(default_factory=dict)  # variable or `self.x` -> lines, in order
    kinds: dict[str, dict[str, int]] = field(default_factory=dict)  # variable or `self.x` -> kind -> evidence
    assigned: set[str] = field(default_factory=set)  # variables bound by `=`
    updated: set[str] = field(default_factory=set)  # variables changed by `+=` or a mutating method
    returns: list[ast.expr] = field(default_factory=list)
    bare_return: bool = False
    generator: bool = False
    recursive: bool = False
    members_tested: dict[str, list[str]] = field(default_factory=dict)  # container -> what `in` looks for in it
    filled: set[str] = field(default_factory=set)  # containers something is put into
    created_empty: set[str] = field(default_factory=set)  # variables that start as `[]`, `{}`, `set()` ...
    tests: list[ast.expr] = field(default_factory=list)
    names_used: set[str] = field(default_factory=set)
    declared: set[str] = field(default_factory=set)  # global and nonlocal names

    def kind(self, name: str) -> str | None:
        """What a variable most likely holds."""
        votes = self.kinds.get(name)
        if not votes:
            return None
        return max(votes, key=lambda kind: votes[kind])

    @cached_property
    def function(self) -> FunctionNode | None:
        return self.node if isinstance(self.node, FunctionNode) else None

    @cached_property
    def is_method(self) -> bool:
        return bool(self.parameters) and self.parameters[0] in SELF_NAMES

    @cached_property
    def plain_parameters(self) -> list[str]:
        """The parameters without `self` or `cls`."""
        return [name for name in self.parameters if name not in SELF_NAMES]

    @cached_property
    def return_texts(self) -> list[str]:
        """The expressions this function returns, as written, each once; long ones left out."""
        texts = [self.source.segment(node) for node in self.returns]
        return list(dict.fromkeys(text for text in texts if "\n" not in text and len(text) <= 60))

    @cached_property
    def return_kinds(self) -> list[str]:
        """What the function's results seem to be, most frequent first."""
        votes: dict[str, int] = {}
        for node in self.returns:
            kind = kind_of(node) or self.kind(dotted(node) or "")
            if kind:
                votes[kind] = votes.get(kind, 0) + 1
        return sorted(votes, key=lambda kind: -votes[kind])

    @cached_property
    def identities(self) -> list[str]:
        """Constants of the kinds the function returns: its own first, then 0, '', [], None ..."""
        own = [self.source.segment(node) for node in self.returns if is_constant_like(node)]
        fitting = [text for kind in self.return_kinds for text in _IDENTITIES[kind]]
        return list(dict.fromkeys([*own, *fitting, "None"]))

    def near(self, line: int) -> list[tuple[str, float]]:
        """The variables bound in this scope with a cost that grows with their distance from a line, nearest first.

        Variables bound only further down come last.
        """
        cached = self._near.get(line)
        if cached is None:
            found = []
            for name, bound in self.bound.items():
                if name in SELF_NAMES or name == "_" or (name in self.declared and bound > line):
                    continue
                distance = min((abs(use - line) for use in self.uses.get(name, ())), default=abs(bound - line))
                found.append((name, 0.35 * log1p(distance) + (2.0 if bound > line else 0.0)))
            found.sort(key=lambda item: (item[1], item[0]))
            cached = self._near[line] = found
        return cached

    @cached_property
    def _near(self) -> dict[int, list[tuple[str, float]]]:
        return {}


def scope_facts(source: Source, node: ast.AST) -> Scope:
    """The facts of the function, class body or module whose code `node` belongs to."""
    scope = source.scope_of(node)
    while isinstance(scope, ast.Lambda):
        scope = source.scope_of(scope)
    return facts_of(source, scope)


def facts_of(source: Source, scope: ScopeWithBody) -> Scope:
    """The facts of one scope, worked out on first use."""
    table: dict[ast.AST, Scope] = source.__dict__.setdefault("_scope_facts", {})
    facts = table.get(scope)
    if facts is None:
        facts = table[scope] = _summarise(source, scope)
    return facts


def names_at(source: Source, node: ast.AST) -> dict[str, str]:
    """`Source.names_at`, remembered per scope."""
    table: dict[ast.AST, dict[str, str]] = source.__dict__.setdefault("_names_by_scope", {})
    scope = source.scope_of(node)
    names = table.get(scope)
    if names is None:
        names = table[scope] = source.names_at(node)
    return names


def own_code(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope's body, in order, without the bodies of functions and classes in it."""
    stack: list[ast.AST] = list(reversed(getattr(scope, "body", [])))
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, FunctionNode | ast.ClassDef):
            stack.extend(reversed(node.decorator_list))
            continue
        if isinstance(node, ast.Lambda):
            continue
        stack.extend(reversed(list(ast.iter_child_nodes(node))))


def kind_of(node: ast.expr | None) -> str | None:
    """What an expression's value is, as far as its form tells."""
    if isinstance(node, ast.Constant):
        value = node.value
        if value is None:
            return NONE
        if isinstance(value, bool):
            return FLAG
        return TEXT if isinstance(value, str | bytes) else NUMBER
    if isinstance(node, ast.List | ast.ListComp):
        return LIST
    if isinstance(node, ast.Dict | ast.DictComp):
        return DICT
    if isinstance(node, ast.Set | ast.SetComp):
        return SET
    if isinstance(node, ast.Tuple | ast.GeneratorExp):
        return SEQUENCE
    if isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
        return FLAG
    if isinstance(node, ast.BoolOp) and {kind_of(value) for value in node.values} == {FLAG}:
        return FLAG
    if isinstance(node, ast.JoinedStr):
        return TEXT
    if isinstance(node, ast.UnaryOp):
        return kind_of(node.operand) or NUMBER
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Mod) and kind_of(node.left) == TEXT:
            return TEXT
        kind = kind_of(node.left) or kind_of(node.right)
        return kind or (NUMBER if isinstance(node.op, _ARITHMETIC) else None)
    if isinstance(node, ast.Call):
        name = dotted(node.func)
        if name in _CALL_KINDS:
            return _CALL_KINDS[name]
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("strip", "lower", "upper", "join", "replace"):
            return TEXT
        if isinstance(node.func, ast.Attribute) and node.func.attr in _ANSWERING:
            return FLAG
    return None


def is_constant_like(node: ast.expr) -> bool:
    """A constant, a negative number, or an empty container."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.operand, ast.Constant)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return not node.elts
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Dict) and not node.keys)


def _is_empty_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and not node.args and not node.keywords and dotted(node.func) in _CALL_KINDS


def names_in(node: ast.AST) -> set[str]:
    """Every name a piece of syntax mentions."""
    return {part.id for part in parts_of(node) if isinstance(part, ast.Name)}


def function_start(source: Source, statement: Statement) -> bool:
    """Whether a statement is the first code of its function."""
    parent = source.parents[statement]
    return isinstance(parent, FunctionNode) and code_start(parent.body) is statement


def _summarise(source: Source, scope: ScopeWithBody) -> Scope:
    facts = Scope(scope, source)
    if isinstance(scope, FunctionNode):
        _read_parameters(facts, scope)
    inner: set[str] = set()
    for node in own_code(scope):
        if isinstance(node, ast.Name):
            facts.names_used.add(node.id)
            facts.uses.setdefault(node.id, []).append(node.lineno)
            if isinstance(node.ctx, ast.Store) and node.id not in facts.bound:
                facts.bound[node.id] = node.lineno
        elif isinstance(node, Comprehension):
            for clause in node.generators:
                inner |= names_in(clause.target)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            facts.bound.setdefault(node.name, node.lineno)
            inner.add(node.name)
        else:
            _read(facts, node)
    if inner:
        _drop_comprehension_names(facts, inner)
    return facts


def _drop_comprehension_names(facts: Scope, inner: set[str]) -> None:
    """Names that only comprehensions and handlers bind are not variables of the whole scope."""
    real = set(facts.parameters)
    stack: list[ast.AST] = list(facts.node.body)
    while stack:
        node = stack.pop()
        if isinstance(node, Comprehension | FunctionNode | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            real.add(node.id)
        stack.extend(ast.iter_child_nodes(node))
    for name in inner - real:
        facts.bound.pop(name, None)


def _read_parameters(facts: Scope, function: FunctionNode) -> None:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    both = [*positional, *arguments.kwonlyargs]
    for argument, default in zip(both, [*defaults, *arguments.defaults, *arguments.kw_defaults], strict=True):
        facts.parameters.append(argument.arg)
        facts.bound[argument.arg] = function.lineno
        _vote(facts, argument.arg, kind_of(default))
        note = argument.annotation
        base = dotted(note.value if isinstance(note, ast.Subscript) else note) if note is not None else None
        _vote(facts, argument.arg, _ANNOTATION_KINDS.get((base or "").rpartition(".")[2]), 3)
    for star, kind in ((arguments.vararg, SEQUENCE), (arguments.kwarg, DICT)):
        if star is not None:
            facts.parameters.append(star.arg)
            facts.bound[star.arg] = function.lineno
            _vote(facts, star.arg, kind, 3)


def _read(facts: Scope, node: ast.AST) -> None:
    if isinstance(node, ast.Return):
        if node.value is None:
            facts.bare_return = True
        else:
            facts.returns.append(node.value)
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            facts.assigned |= names_in(target)
            _read_assignment(facts, target, node.value)
    elif isinstance(node, ast.AugAssign):
        if name := dotted(node.target):
            facts.updated.add(name)
            kind = kind_of(node.value)
            _vote(facts, name, NUMBER if isinstance(node.op, _ARITHMETIC) else kind)
        _read_assignment(facts, node.target, None)
    elif isinstance(node, ast.Call):
        _read_call(facts, node)
    elif isinstance(node, ast.Subscript):
        _vote(facts, dotted(node.value), None if isinstance(node.slice, ast.Constant) else SEQUENCE)
        if isinstance(node.slice, ast.BinOp | ast.UnaryOp):
            _vote(facts, dotted(node.value), SEQUENCE)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (*_ARITHMETIC, ast.Mod)):
        if isinstance(node.op, ast.Mod) and kind_of(node.left) == TEXT:
            return  # a format string
        for side in (node.left, node.right):
            _vote(facts, dotted(side), NUMBER)
    elif isinstance(node, ast.Compare):
        _read_compare(facts, node)
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        _vote(facts, dotted(node.iter), SEQUENCE)
        if isinstance(node.iter, ast.Call) and dotted(node.iter.func) == "range":
            _vote(facts, dotted(node.target), NUMBER)
            for argument in node.iter.args:
                _vote(facts, dotted(argument), NUMBER)
    elif isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
        facts.tests.append(node.test)
    elif isinstance(node, ast.Yield | ast.YieldFrom):
        facts.generator = True
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in SELF_NAMES:
        facts.uses.setdefault(f"{node.value.id}.{node.attr}", []).append(node.lineno)
    elif isinstance(node, ast.Global | ast.Nonlocal):
        facts.declared.update(node.names)


def _read_assignment(facts: Scope, target: ast.expr, value: ast.expr | None) -> None:
    if isinstance(target, ast.Subscript) and (name := dotted(target.value)):
        facts.filled.add(name)
        facts.updated.add(name)
    elif name := dotted(target):
        _vote(facts, name, kind_of(value), 2)
        if value is not None and (is_constant_like(value) or _is_empty_call(value)):
            facts.created_empty.add(name)
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        for part, item in zip(target.elts, value.elts, strict=False):
            _read_assignment(facts, part, item)


def _read_call(facts: Scope, node: ast.Call) -> None:
    function = facts.function
    if isinstance(node.func, ast.Attribute):
        base = dotted(node.func.value)
        if base is not None:
            _vote(facts, base, _METHOD_KINDS.get(node.func.attr))
            if node.func.attr in ("append", "add", "appendleft", "update", "insert", "extend", "setdefault"):
                facts.filled.add(base)
                facts.updated.add(base)
            elif node.func.attr in ("pop", "remove", "discard", "popleft", "clear"):
                facts.updated.add(base)
            if function is not None and node.func.attr == function.name and base in SELF_NAMES:
                facts.recursive = True
    elif isinstance(node.func, ast.Name):
        if function is not None and node.func.id == function.name:
            facts.recursive = True
        if node.func.id in ("len", "enumerate", "sorted", "sum", "min", "max", "reversed", "zip") and node.args:
            _vote(facts, dotted(node.args[0]), SEQUENCE)


def _read_compare(facts: Scope, node: ast.Compare) -> None:
    previous = node.left
    for operation, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(operation, ast.In | ast.NotIn):
            if name := dotted(right):
                facts.members_tested.setdefault(name, []).append(facts.source.segment(previous))
                _vote(facts, name, None)
        elif not isinstance(operation, ast.Is | ast.IsNot):
            for side, other in ((previous, right), (right, previous)):
                _vote(facts, dotted(side), kind_of(other))
        previous = right


def _vote(facts: Scope, name: str | None, kind: str | None, weight: int = 1) -> None:
    if name and kind and kind != NONE:
        votes = facts.kinds.setdefault(name, {})
        votes[kind] = votes.get(kind, 0) + weight
