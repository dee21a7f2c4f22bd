"""Words programmers mistake for one another, and what built-in functions and methods take and give.

Each group lists names of one role; a slip usually stays inside its group. Order does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# Built-in and common functions, by role: any member may stand where another does.
FUNCTION_GROUPS: tuple[tuple[str, ...], ...] = (
    ("min", "max"),
    ("any", "all"),
    ("sorted", "reversed", "list"),
    ("floor", "ceil", "round", "int", "trunc"),
    ("int", "float", "str", "round", "bool"),
    ("str", "repr", "ascii", "format"),
    ("list", "tuple", "set", "frozenset", "iter"),
    ("list", "dict", "set", "str"),
    ("dict", "OrderedDict", "defaultdict", "Counter"),
    ("len", "sum", "max"),
    ("map", "filter"),
    ("range", "enumerate", "len"),
    ("zip", "enumerate", "zip_longest", "product"),
    ("chr", "ord"),
    ("hasattr", "getattr"),
    ("isinstance", "issubclass"),
    ("abs", "int"),
    ("sqrt", "abs", "pow"),
    ("sin", "cos", "tan"),
    ("exp", "log"),
    ("log", "log2", "log10"),
    ("bytes", "bytearray", "str"),
    ("next", "iter", "list"),
    ("quote", "unquote", "quote_plus"),
    ("deepcopy", "copy"),
    ("permutations", "combinations", "product", "combinations_with_replacement"),
    ("KeyError", "IndexError", "LookupError", "AttributeError", "ValueError"),
    ("ValueError", "TypeError", "RuntimeError", "AssertionError"),
    ("ImportError", "ModuleNotFoundError"),
    ("OSError", "FileNotFoundError", "PermissionError", "FileExistsError"),
    ("StopIteration", "StopAsyncIteration", "GeneratorExit"),
    ("Exception", "BaseException", "ValueError"),
    ("OverflowError", "ZeroDivisionError", "ArithmeticError", "ValueError"),
    ("UnicodeDecodeError", "UnicodeEncodeError", "UnicodeError"),
    ("NotImplementedError", "NotImplemented"),
    ("classmethod", "staticmethod", "property"),
)

# Methods and attributes, by role.
MEMBER_GROUPS: tuple[tuple[str, ...], ...] = (
    ("append", "extend", "insert", "add", "appendleft"),
    ("extend", "extendleft", "update"),
    ("add", "update", "discard", "remove"),
    ("keys", "values", "items"),
    ("iterkeys", "itervalues", "iteritems"),
    ("startswith", "endswith"),
    ("strip", "lstrip", "rstrip"),
    ("lstrip", "removeprefix"),
    ("rstrip", "removesuffix"),
    ("removeprefix", "removesuffix"),
    ("upper", "lower", "title", "capitalize", "casefold", "swapcase"),
    ("isupper", "islower", "istitle"),
    ("isdigit", "isalpha", "isalnum", "isdecimal", "isnumeric", "isspace", "isidentifier"),
    ("split", "rsplit", "splitlines", "partition", "rpartition"),
    ("find", "rfind", "index", "rindex"),
    ("ljust", "rjust", "center", "zfill"),
    ("pop", "popleft", "popitem", "remove", "get", "clear"),
    ("get", "pop", "setdefault", "__getitem__"),
    ("remove", "discard", "pop"),
    ("push", "pop"),
    ("heappush", "heappop", "heapreplace", "heappushpop"),
    ("encode", "decode"),
    ("union", "intersection", "difference", "symmetric_difference", "update"),
    ("intersection_update", "difference_update", "update"),
    ("issubset", "issuperset", "isdisjoint"),
    ("match", "search", "fullmatch", "findall", "finditer"),
    ("sub", "subn"),
    ("group", "groups", "groupdict"),
    ("start", "end", "span"),
    ("read", "readline", "readlines"),
    ("write", "writelines"),
    ("dump", "dumps"),
    ("load", "loads"),
    ("sort", "reverse"),
    ("bisect_left", "bisect_right", "bisect"),
    ("insort_left", "insort_right", "insort"),
    ("seconds", "total_seconds", "microseconds", "days"),
    ("year", "month", "day", "hour", "minute", "second", "microsecond"),
    ("weekday", "isoweekday"),
    ("now", "utcnow", "today"),
    ("dirname", "basename", "abspath", "realpath", "normpath"),
    ("exists", "isfile", "isdir", "is_file", "is_dir"),
    ("stem", "name", "suffix", "suffixes", "parent"),
    ("acquire", "release"),
    ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"),
    ("floor", "ceil", "trunc", "round"),
    ("copy", "deepcopy"),
    ("args", "kwargs"),
    ("real", "imag"),
    ("numerator", "denominator"),
    ("rotate", "reverse"),
)

# Halves of identifiers that come in pairs: `left_child` and `right_child`, `start` and `end`.
WORD_GROUPS: tuple[tuple[str, ...], ...] = (
    ("left", "right", "center"),
    ("start", "end", "stop", "begin", "finish"),
    ("first", "last", "second"),
    ("min", "max"),
    ("lo", "hi", "mid"),
    ("low", "high", "mid"),
    ("lower", "upper"),
    ("top", "bottom"),
    ("head", "tail"),
    ("prev", "next", "previous", "current", "curr", "cur"),
    ("old", "new"),
    ("row", "col", "column"),
    ("rows", "cols", "columns"),
    ("width", "height", "depth"),
    ("x", "y", "z"),
    ("i", "j", "k"),
    ("a", "b", "c"),
    ("m", "n", "k"),
    ("u", "v", "w"),
    ("p", "q", "r"),
    ("key", "value", "item", "val"),
    ("keys", "values", "items"),
    ("k", "v"),
    ("src", "dst", "dest"),
    ("source", "target", "destination"),
    ("input", "output"),
    ("in", "out"),
    ("parent", "child", "children"),
    ("before", "after"),
    ("index", "value", "count"),
    ("size", "length", "count", "capacity"),
    ("true", "false"),
    ("success", "failure", "error"),
    ("enter", "exit"),
    ("open", "close", "closed"),
    ("add", "remove", "sub"),
    ("inc", "dec"),
    ("get", "set", "del"),
    ("read", "write"),
    ("get", "pop"),
    ("push", "pop"),
    ("include", "exclude"),
    ("allow", "deny"),
    ("prefix", "suffix"),
    ("name", "value", "type"),
    ("args", "kwargs"),
    ("request", "response"),
    ("send", "recv", "receive"),
    ("encode", "decode"),
    ("self", "cls", "other"),
    ("one", "two"),
    ("expected", "actual"),
    ("minimum", "maximum"),
    ("hour", "minute", "second"),
    ("day", "month", "year", "week"),
    ("seconds", "minutes", "hours", "days", "milliseconds"),
    ("positive", "negative"),
    ("fg", "bg"),
    ("global", "local"),
    ("default", "value"),
)


def swap_costs(
    slips: Mapping[tuple[str, str], float], symbols: Iterable[str], rare: float
) -> dict[str, list[tuple[str, float]]]:
    """Symbol -> every other symbol with its cost in nats: the slip's, either way, or ``rare``. Slips come first."""
    table: dict[str, list[tuple[str, float]]] = {symbol: [] for symbol in symbols}
    for (one, two), cost in slips.items():
        table[one].append((two, cost))
        table[two].append((one, cost))
    for symbol, swaps in table.items():
        known = {symbol, *(other for other, _ in swaps)}
        swaps += [(other, rare) for other in table if other not in known]
    return table


def _partners(groups: Iterable[tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    table: dict[str, dict[str, None]] = {}
    for group in groups:
        for word in group:
            table.setdefault(word, {}).update(dict.fromkeys(other for other in group if other != word))
    return {word: tuple(others) for word, others in table.items()}


FUNCTION_PARTNERS = _partners(FUNCTION_GROUPS)
MEMBER_PARTNERS = _partners(MEMBER_GROUPS)
WORD_PARTNERS = _partners(WORD_GROUPS)

# What a call gives back, where a name is enough to tell.
RESULT_KINDS: dict[str, str] = {
    **dict.fromkeys(("len", "int", "ord", "hash", "id", "index", "find", "rfind", "rindex", "count"), "int"),
    **dict.fromkeys(("float", "sqrt", "time", "perf_counter"), "float"),
    **dict.fromkeys(("str", "repr", "chr", "hex", "oct", "bin", "format", "join", "strip", "lstrip", "rstrip"), "str"),
    **dict.fromkeys(("lower", "upper", "title", "capitalize", "casefold", "ljust", "rjust", "zfill", "decode"), "str"),
    **dict.fromkeys(("bytes", "bytearray", "encode"), "bytes"),
    **dict.fromkeys(("list", "sorted", "split", "rsplit", "splitlines", "readlines", "findall"), "list"),
    **dict.fromkeys(("dict", "defaultdict", "Counter", "OrderedDict", "groupdict"), "dict"),
    **dict.fromkeys(("set", "frozenset", "union", "intersection", "difference"), "set"),
    **dict.fromkeys(("tuple", "divmod", "partition", "rpartition"), "tuple"),
    **dict.fromkeys(("bool", "isinstance", "issubclass", "hasattr", "callable", "any", "all"), "bool"),
    **dict.fromkeys(("startswith", "endswith", "isdigit", "isalpha", "isspace", "isupper", "islower"), "bool"),
    **dict.fromkeys(("range", "enumerate", "zip", "map", "filter", "reversed", "iter"), "iter"),
    **dict.fromkeys(("keys", "values", "items"), "iter"),
}

# Arguments often forgotten, as written after the ones already there.
EXTRA_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "sorted": ("reverse=True", "key=len", "key=str"),
    "sort": ("reverse=True", "key=len", "key=str"),
    "max": ("default=0", "default=None", "key=len", "0"),
    "min": ("default=0", "default=None", "key=len", "0"),
    "enumerate": ("1", "start=1"),
    "sum": ("[]", "start=1"),
    "get": ("0", "''", "None", "[]", "{}", "False"),
    "getattr": ("None", "False"),
    "setdefault": ("[]", "{}", "set()", "0"),
    "pop": ("0", "None", "-1"),
    "next": ("None",),
    "range": ("2", "-1"),
    "round": ("2", "1", "0"),
    "int": ("16", "2", "10", "8"),
    "split": ("','", "' '", "1", "maxsplit=1"),
    "rsplit": ("1", "maxsplit=1"),
    "splitlines": ("True",),
    "replace": ("1",),
    "strip": ("' '", "'/'", "'\\n'"),
    "lstrip": ("' '", "'/'", "'0'"),
    "rstrip": ("' '", "'/'", "'\\n'"),
    "ljust": ("'0'",),
    "rjust": ("'0'",),
    "open": ("'w'", "'rb'", "encoding='utf-8'", "newline=''"),
    "encode": ("'utf-8'", "errors='replace'"),
    "decode": ("'utf-8'", "errors='replace'"),
    "print": ("end=''", "sep=''", "file=sys.stderr"),
    "dumps": ("indent=2", "sort_keys=True", "ensure_ascii=False", "default=str"),
    "dump": ("indent=2", "sort_keys=True", "ensure_ascii=False"),
    "compile": ("re.IGNORECASE", "re.MULTILINE", "re.DOTALL"),
    "sub": ("count=1", "flags=re.IGNORECASE", "flags=re.MULTILINE"),
    "match": ("re.IGNORECASE",),
    "search": ("re.IGNORECASE",),
    "findall": ("re.IGNORECASE", "re.MULTILINE"),
    "zip": ("strict=True",),
    "group": ("1", "0", "2"),
    "makedirs": ("exist_ok=True",),
    "mkdir": ("exist_ok=True", "parents=True"),
    "dict": ("**kwargs",),
    "index": ("1",),
    "find": ("1",),
    "dataclass": ("frozen=True",),
    "defaultdict": ("list", "int", "dict", "set"),
    "to_bytes": ("'big'", "'little'"),
    "from_bytes": ("'big'", "'little'"),
    "print_exception": ("file=sys.stderr",),
    "ThreadPoolExecutor": ("max_workers=1",),
}

# Keyword arguments of common callables that are not defined in the project.
KNOWN_KEYWORDS: dict[str, tuple[str, ...]] = {
    "sorted": ("key", "reverse"),
    "sort": ("key", "reverse"),
    "min": ("key", "default"),
    "max": ("key", "default"),
    "print": ("sep", "end", "file", "flush"),
    "open": ("mode", "encoding", "errors", "newline", "buffering"),
    "enumerate": ("start",),
    "sum": ("start",),
    "split": ("sep", "maxsplit"),
    "rsplit": ("sep", "maxsplit"),
    "splitlines": ("keepends",),
    "encode": ("encoding", "errors"),
    "decode": ("encoding", "errors"),
    "dumps": ("indent", "sort_keys", "default", "separators", "ensure_ascii", "cls"),
    "dump": ("indent", "sort_keys", "default", "separators", "ensure_ascii", "cls"),
    "loads": ("object_hook", "parse_float", "object_pairs_hook"),
    "field": ("default", "default_factory", "init", "repr", "compare", "hash"),
    "dataclass": ("frozen", "eq", "order", "slots"),
    "timedelta": ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"),
    "add_argument": ("action", "default", "dest", "help", "nargs", "type", "required", "choices", "metavar"),
    "namedtuple": ("defaults", "rename"),
    "sub": ("count", "flags"),
    "mkdir": ("parents", "exist_ok", "mode"),
    "makedirs": ("exist_ok", "mode"),
    "run": ("check", "capture_output", "text", "cwd", "env", "input", "stdout", "stderr", "shell", "timeout"),
    "zip": ("strict",),
    "lru_cache": ("maxsize", "typed"),
}

# Methods of built-in types that take nothing, for `x.lower` written without its call.
_PLAIN_METHODS = """
    strip lstrip rstrip lower upper title capitalize casefold swapcase split splitlines keys values items copy
    read readline readlines close flush pop popitem clear sort reverse isdigit isalpha isalnum isspace isupper
    islower isdecimal isnumeric isidentifier group groups groupdict start end span total_seconds isoformat
    weekday date time timestamp exists is_file is_dir resolve absolute encode decode hex bit_length
    as_integer_ratio is_integer
"""
PLAIN_METHODS = frozenset(_PLAIN_METHODS.split())
