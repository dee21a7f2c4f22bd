"""Names of the outside world: packages, services, programs, and what came with which Python."""
# ruff: noqa: SIM905 -- a list of bare words is read and extended most easily as words

from __future__ import annotations

import sys

# Import name to the name that pip knows, where the two differ.
DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dns": "dnspython",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "PyMuPDF",
    "flask_sqlalchemy": "Flask-SQLAlchemy",
    "git": "GitPython",
    "github": "PyGithub",
    "google.protobuf": "protobuf",
    "google.cloud.storage": "google-cloud-storage",
    "gi": "PyGObject",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "kafka": "kafka-python",
    "ldap": "python-ldap",
    "levenshtein": "Levenshtein",
    "magic": "python-magic",
    "markdown": "Markdown",
    "mpl_toolkits": "matplotlib",
    "MySQLdb": "mysqlclient",
    "nacl": "PyNaCl",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pyasn1_modules": "pyasn1-modules",
    "rest_framework": "djangorestframework",
    "ruamel": "ruamel.yaml",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socks": "PySocks",
    "telegram": "python-telegram-bot",
    "typing_extensions": "typing-extensions",
    "umap": "umap-learn",
    "usb": "pyusb",
    "win32api": "pywin32",
    "xdist": "pytest-xdist",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
    "zope": "zope.interface",
}
# Packages whose import name is the name that pip knows, among them those a spelling mistake lies close to.
SAME_NAME = frozenset(
    "aiohttp altair anyio arrow babel bcrypt bokeh boto3 botocore celery certifi chardet click cloudpickle "
    "colorama coverage cryptography cython dask dill django docopt docutils ecdsa elasticsearch exceptiongroup "
    "fastapi filelock flask freezegun fsspec gevent greenlet gunicorn h5py html5lib httpx hypothesis idna "
    "importlib_metadata importlib_resources isodate itsdangerous jax jinja2 joblib jsonschema keras lark lxml lz4 "
    "mako markupsafe matplotlib mock moto msgpack mypy networkx nltk nose nox numba numpy oauthlib openpyxl "
    "orjson packaging pandas paramiko passlib pathlib2 peewee pendulum pexpect pika pillow pint platformdirs "
    "plotly pluggy ply prometheus_client psutil psycopg pyarrow pydantic pygments pymongo pymysql pyparsing "
    "pytest pytz redis regex requests responses rich scipy seaborn setuptools simplejson six sortedcontainers "
    "sphinx sqlalchemy starlette statsmodels sympy tabulate tenacity tensorflow toml tomli tomlkit torch tornado "
    "tox tqdm trio twisted typer tzdata tzlocal ujson unittest2 urllib3 uvicorn uvloop voluptuous watchdog "
    "websocket websockets werkzeug wheel wrapt xmltodict zstandard".split()
)
# Packages that share their first name, so that only the dotted name tells which one is missing.
NAMESPACES = frozenset({"google", "azure", "zope", "ruamel", "sphinxcontrib", "backports", "jaraco", "opentelemetry"})

STANDARD_LIBRARY = frozenset(sys.stdlib_module_names)

PLUGIN_FIXTURES = {
    "mocker": "pytest-mock",
    "benchmark": "pytest-benchmark",
    "httpx_mock": "pytest-httpx",
    "requests_mock": "requests-mock",
    "freezer": "pytest-freezer",
    "aiohttp_client": "pytest-aiohttp",
    "qtbot": "pytest-qt",
    "respx_mock": "respx",
    "httpserver": "pytest-httpserver",
    "django_db_setup": "pytest-django",
    "image_regression": "pytest-regressions",
    "data_regression": "pytest-regressions",
    "worker_id": "pytest-xdist",
    "subtests": "pytest-subtests",
}
PLUGIN_OPTIONS = {
    "--cov": "pytest-cov",
    "-n": "pytest-xdist",
    "--numprocesses": "pytest-xdist",
    "--dist": "pytest-xdist",
    "--timeout": "pytest-timeout",
    "--asyncio-mode": "pytest-asyncio",
    "--reruns": "pytest-rerunfailures",
    "--benchmark": "pytest-benchmark",
    "--ds": "pytest-django",
    "--reuse-db": "pytest-django",
    "--nomigrations": "pytest-django",
    "--mypy": "pytest-mypy",
    "--flake8": "pytest-flake8",
    "--html": "pytest-html",
    "--random-order": "pytest-random-order",
}

SERVICES = {
    1433: "SQL Server",
    1521: "Oracle",
    2181: "ZooKeeper",
    2379: "etcd",
    3306: "MySQL",
    4222: "NATS",
    5432: "PostgreSQL",
    5672: "RabbitMQ",
    6379: "Redis",
    8086: "InfluxDB",
    8123: "ClickHouse",
    9000: "MinIO",
    9042: "Cassandra",
    9092: "Kafka",
    9200: "Elasticsearch",
    11211: "memcached",
    27017: "MongoDB",
}
CLIENTS = {
    "psycopg": "PostgreSQL",
    "psycopg2": "PostgreSQL",
    "asyncpg": "PostgreSQL",
    "pymysql": "MySQL",
    "MySQLdb": "MySQL",
    "mysql": "MySQL",
    "redis": "Redis",
    "pymongo": "MongoDB",
    "pika": "RabbitMQ",
    "kafka": "Kafka",
    "elasticsearch": "Elasticsearch",
    "elastic_transport": "Elasticsearch",
    "cassandra": "Cassandra",
    "docker": "Docker",
}

EXECUTABLES = frozenset(
    "ansible aws bash black brew bzip2 cargo chromedriver clang cmake convert curl diff docker docker-compose dot "
    "dpkg exiftool ffmpeg ffprobe file firefox flake8 g++ gcc gdal_translate geckodriver ghostscript git go gpg "
    "gradle grep gs gzip helm hg java javac jq kubectl latex less lsof magick make man mount mvn mypy mysql nano "
    "node npm npx openssl pandoc patch pdflatex pdftotext perl php pip pip3 podman psql pytest python python2 "
    "python3 redis-server rsync ruby ruff rustc sed sh sqlite3 ssh ssh-keygen strace sudo svn systemctl tar "
    "terraform tesseract tmux tox unzip uv vim wget which wkhtmltopdf xclip xdg-open xelatex xz yarn zip zsh".split()
)
RUNNERS = frozenset({"pytest", "py.test", "tox", "nox", "coverage", "hatch", "poetry", "uv", "pdm"})
USUAL_VARIABLES = frozenset("HOME PATH USER LOGNAME SHELL LANG TERM TMPDIR PWD EDITOR TZ HOSTNAME".split())

Version = tuple[int, int]

MODULES_SINCE: dict[str, Version] = {
    "tomllib": (3, 11),
    "zoneinfo": (3, 9),
    "graphlib": (3, 9),
    "annotationlib": (3, 14),
}
MODULES_UNTIL: dict[str, Version] = {  # the first version that has them no more
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), (3, 12)),
    **dict.fromkeys(
        (
            *("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis"),
            *("nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
        ),
        (3, 13),
    ),
}
# (module, name) to the first version that has it.
NAMES_SINCE: dict[tuple[str, str], Version] = {
    **{("typing", name): (3, 10) for name in ("ParamSpec", "Concatenate", "TypeAlias", "TypeGuard", "is_typeddict")},
    **{
        ("typing", name): (3, 11)
        for name in (
            *("Self", "Never", "LiteralString", "Required", "NotRequired", "Unpack", "TypeVarTuple", "assert_never"),
            *("assert_type", "dataclass_transform", "reveal_type"),
        )
    },
    **{("typing", name): (3, 12) for name in ("override", "TypeAliasType")},
    **{("typing", name): (3, 13) for name in ("ReadOnly", "TypeIs", "NoDefault")},
    ("enum", "StrEnum"): (3, 11),
    ("enum", "ReprEnum"): (3, 11),
    ("enum", "verify"): (3, 11),
    ("datetime", "UTC"): (3, 11),
    ("asyncio", "TaskGroup"): (3, 11),
    ("asyncio", "Runner"): (3, 11),
    ("asyncio", "timeout"): (3, 11),
    ("contextlib", "chdir"): (3, 11),
    ("contextlib", "aclosing"): (3, 10),
    ("itertools", "pairwise"): (3, 10),
    ("itertools", "batched"): (3, 12),
    ("types", "UnionType"): (3, 10),
    ("types", "NoneType"): (3, 10),
    ("types", "EllipsisType"): (3, 10),
    ("inspect", "get_annotations"): (3, 10),
    ("builtins", "ExceptionGroup"): (3, 11),
    ("builtins", "BaseExceptionGroup"): (3, 11),
    ("builtins", "aiter"): (3, 10),
    ("builtins", "anext"): (3, 10),
    ("warnings", "deprecated"): (3, 13),
    ("copy", "replace"): (3, 13),
}

_LETTERS = "abcdefghijklmnopqrstuvwxyz_0123456789"


def one_edit_away(name: str) -> set[str]:
    """Every name that one slip of the keyboard turns into ``name``: a letter dropped, added, changed or swapped."""
    letters = _LETTERS + _LETTERS.upper() if name != name.lower() else _LETTERS
    halves = [(name[:at], name[at:]) for at in range(len(name) + 1)]
    near = {left + right[1:] for left, right in halves if right}
    near.update(left + right[1] + right[0] + right[2:] for left, right in halves if len(right) > 1)
    near.update(left + letter + right[1:] for left, right in halves if right for letter in letters)
    near.update(left + letter + right for left, right in halves for letter in letters)
    return near - {name, ""}
