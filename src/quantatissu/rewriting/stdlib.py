"""What the standard library offers: its modules, their members, and which module a well-known name comes from.

Members are read from the sources with `ast`; modules written in C are part of this interpreter and are imported.
Nothing is looked up on `sys.path`, so a project's files never run and never shadow a module.
"""

from __future__ import annotations

import ast
import importlib
import os
import sys
import sysconfig
import warnings
from functools import cache
from pathlib import Path

from quantatissu.foundation.syntax import parsed

MODULES: frozenset[str] = frozenset(name for name in sys.stdlib_module_names if not name.startswith("_"))

_HOMES = {
    "collections": "defaultdict OrderedDict Counter deque namedtuple ChainMap UserDict UserList",
    "functools": "partial reduce wraps lru_cache cached_property total_ordering singledispatch cmp_to_key cache "
                 "update_wrapper partialmethod",
    "itertools": "chain product permutations combinations islice groupby count cycle repeat accumulate starmap "
                 "takewhile dropwhile zip_longest pairwise tee compress filterfalse combinations_with_replacement",
    "pathlib": "Path PurePath PosixPath PurePosixPath WindowsPath PureWindowsPath",
    "datetime": "datetime timedelta date timezone tzinfo time",
    "dataclasses": "dataclass field asdict astuple replace fields is_dataclass",
    "typing": "Optional Any Union List Dict Tuple Set Callable Iterable Iterator Sequence Mapping Generator TypeVar "
              "Generic NamedTuple TYPE_CHECKING cast overload Protocol Literal ClassVar Final Type NoReturn Awaitable "
              "TypedDict FrozenSet Deque DefaultDict IO TextIO BinaryIO Pattern Match get_type_hints",
    "collections.abc": "Mapping MutableMapping Sequence MutableSequence Iterable Iterator Hashable Sized Container "
                       "Callable Generator Awaitable Coroutine MutableSet KeysView ItemsView ValuesView Collection",
    "abc": "ABC ABCMeta abstractmethod abstractproperty",
    "enum": "Enum IntEnum Flag IntFlag auto unique StrEnum",
    "contextlib": "contextmanager suppress closing redirect_stdout ExitStack nullcontext asynccontextmanager "
                  "AbstractContextManager redirect_stderr AsyncExitStack",
    "copy": "copy deepcopy",
    "io": "StringIO BytesIO TextIOWrapper BufferedReader RawIOBase",
    "math": "sqrt floor ceil gcd inf nan isnan isinf isclose pi log log2 log10 exp sin cos tan hypot factorial comb "
            "prod atan2 radians degrees fabs fsum isqrt perm lcm trunc copysign isfinite modf",
    "heapq": "heappush heappop heapify heappushpop heapreplace nlargest nsmallest merge",
    "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
    "operator": "itemgetter attrgetter methodcaller mul add sub truediv floordiv xor or_ and_ neg",
    "decimal": "Decimal ROUND_HALF_UP InvalidOperation getcontext localcontext ROUND_HALF_EVEN",
    "fractions": "Fraction",
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits punctuation whitespace hexdigits Template",
    "random": "randint choice shuffle sample uniform randrange Random",
    "time": "sleep perf_counter monotonic",
    "re": "compile match search findall finditer IGNORECASE MULTILINE escape fullmatch VERBOSE DOTALL",
    "os.path": "join exists dirname basename abspath isfile isdir splitext",
    "os": "environ getcwd makedirs listdir path sep PathLike fspath",
    "sys": "argv stdout stderr stdin maxsize version_info exc_info",
    "json": "dumps loads JSONDecodeError JSONEncoder",
    "subprocess": "Popen PIPE check_output CalledProcessError STDOUT DEVNULL",
    "threading": "Thread Lock RLock Event Condition Semaphore local Timer",
    "queue": "Queue PriorityQueue Empty LifoQueue Full",
    "concurrent.futures": "ThreadPoolExecutor ProcessPoolExecutor as_completed Future",
    "types": "ModuleType SimpleNamespace MappingProxyType FunctionType MethodType GeneratorType TracebackType",
    "urllib.parse": "urlparse urlencode quote unquote urljoin parse_qs urlsplit urlunparse parse_qsl quote_plus",
    "urllib.request": "urlopen Request",
    "uuid": "uuid4 UUID uuid1 uuid5",
    "textwrap": "dedent indent wrap fill shorten",
    "inspect": "signature isclass isfunction getmembers Parameter iscoroutinefunction",
    "numbers": "Number Integral Real Rational",
    "warnings": "warn",
    "weakref": "WeakKeyDictionary WeakValueDictionary ref WeakSet",
    "traceback": "format_exc print_exc",
    "statistics": "mean median stdev variance",
    "argparse": "ArgumentParser Namespace",
    "logging": "getLogger Logger",
    "struct": "pack unpack calcsize unpack_from",
    "tempfile": "TemporaryDirectory NamedTemporaryFile mkdtemp",
    "asyncio": "gather create_task run wait_for",
    "unittest": "TestCase mock",
    "unittest.mock": "Mock MagicMock patch",
    "zoneinfo": "ZoneInfo",
    "base64": "b64encode b64decode",
    "hashlib": "sha256 md5 sha1",
    "pprint": "pprint pformat",
    "ast": "literal_eval NodeVisitor NodeTransformer",
    "html": "escape unescape",
    "shlex": "quote",
    "codecs": "BOM_UTF8",
    "secrets": "token_hex",
    "calendar": "monthrange",
    "keyword": "iskeyword",
    "importlib": "import_module reload",
    "importlib.metadata": "version PackageNotFoundError",
    "fnmatch": "fnmatch fnmatchcase",
    "glob": "glob",
    "getpass": "getpass",
    "shutil": "copyfile rmtree which",
    "difflib": "SequenceMatcher get_close_matches unified_diff",
    "ipaddress": "ip_address ip_network",
    "email.message": "EmailMessage Message",
    "http": "HTTPStatus",
    "csv": "DictReader DictWriter",
    "array": "array",
    "binascii": "hexlify unhexlify",
    "locale": "setlocale",
    "unicodedata": "normalize east_asian_width",
    "xml.sax.saxutils": "XMLGenerator escape quoteattr",
    "xml.etree": "ElementTree",
}  # fmt: skip


@cache
def homes(name: str) -> tuple[str, ...]:
    """Modules that a well-known standard name is usually imported from, most usual first."""
    return tuple(module for module, members in _HOMES.items() if name in members.split())


@cache
def members(module: str) -> frozenset[str]:
    """The public names a standard library module offers, submodules included; empty when it is unknown.

    Read from the module's source; a `from other import *` adds the other module's names.
    """
    if module == "os.path":
        module = os.path.__name__
    if module.partition(".")[0] not in sys.stdlib_module_names:
        return frozenset()
    if module in sys.builtin_module_names:
        return frozenset(dir(importlib.import_module(module)))
    path = source_path(module)
    if path is None:
        return _compiled_members(module)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = parsed(path.read_bytes())
    except (OSError, SyntaxError):
        return frozenset()
    found = set(_bound(tree.body, module))
    if path.name == "__init__.py":
        found |= {part.stem for part in path.parent.glob("*.py") if part.stem != "__init__"}
        found |= {part.parent.name for part in path.parent.glob("*/__init__.py")}
    return frozenset(found)


def source_path(module: str) -> Path | None:
    """The source file of a standard library module, None when it has none."""
    root = Path(sysconfig.get_path("stdlib"))
    stem = root.joinpath(*module.split("."))
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


def _compiled_members(module: str) -> frozenset[str]:
    folder = Path(sysconfig.get_path("stdlib")) / "lib-dynload"
    if not any(folder.glob(f"{module}.*")):
        return frozenset()
    try:
        return frozenset(dir(importlib.import_module(module)))
    except ImportError:
        return frozenset()


def _bound(body: list[ast.stmt], module: str) -> set[str]:
    """Names that statements bind at the top of a module, those in `if`, `try` and `with` blocks included."""
    names: set[str] = set()
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Assign():
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id.startswith("__"):
                        names |= _listed(node.value)  # `__all__` names what is made at run time, too
                    names |= {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import():
                names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            case ast.ImportFrom():
                names |= _from(node, module)
            case ast.If() | ast.Try() | ast.With() | ast.For() | ast.While():
                names |= _bound(node.body, module)
                names |= _bound(getattr(node, "orelse", []), module)
                for handler in getattr(node, "handlers", []):
                    names |= _bound(handler.body, module)
    return names


def _listed(node: ast.expr) -> set[str]:
    if not isinstance(node, ast.List | ast.Tuple | ast.Set):
        return set()
    texts = [part.value for part in node.elts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return {text for text in texts if text.isidentifier()}


def _from(node: ast.ImportFrom, module: str) -> set[str]:
    if not any(alias.name == "*" for alias in node.names):
        return {alias.asname or alias.name for alias in node.names}
    origin = node.module or ""
    if node.level:
        path = source_path(module)
        package = module if path is not None and path.name == "__init__.py" else module.rpartition(".")[0]
        origin = f"{package}.{origin}".strip(".")
    return set() if origin == module else {name for name in members(origin) if not name.startswith("_")}
