"""Strings of high entropy that are no secrets, in the code they usually stand in, drawn by a seeded generator."""

from __future__ import annotations

import base64
import itertools
import random
import uuid
import zlib

from benchmarks.corpus.plants import ALNUM, BASE64, DIGITS, HEX, LOWER, UPPER, URL_SAFE, Draw, characters, shaped

_WORDS = [
    "alpha",
    "parser",
    "index",
    "record",
    "buffer",
    "window",
    "matrix",
    "signal",
    "widget",
    "layer",
    "vector",
    "column",
    "handler",
    "session",
    "report",
]


def hexadecimal(*lengths: int) -> Draw:
    """Hexadecimal digits of one of the lengths, now and then in capitals."""

    def draw(rng: random.Random) -> str:
        made = characters(rng, HEX, rng.choice(lengths))
        return made.upper() if rng.random() < 0.15 else made

    return draw


def base64_of(low: int, high: int) -> Draw:
    """Base64 of random bytes."""
    return lambda rng: base64.b64encode(rng.randbytes(rng.randint(low, high))).decode()


def packed_words(rng: random.Random) -> str:
    """Base64 of compressed text."""
    text = " ".join(rng.choices(_WORDS, k=40))
    return base64.b64encode(zlib.compress(text.encode())).decode()


def random_uuid(rng: random.Random) -> str:
    """A UUID of version 4."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def identifier(rng: random.Random) -> str:
    """A long name in code, with a number in it now and then."""
    words = rng.choices(_WORDS, k=rng.randint(3, 5))
    joined = "_".join(words) if rng.random() < 0.5 else "".join(map(str.capitalize, words))
    return joined + rng.choice(["", "", "2", "V3", "_64", "_v12"])


def minified(rng: random.Random) -> str:
    """A line of minified code."""
    names = [characters(rng, LOWER, 1) + characters(rng, ALNUM, 0, 2) for _ in range(12)]
    return "".join(
        f"function {a}({b}){{return {b}.{a}?{a}[{rng.randrange(99)}]:{b}}}" for a, b in itertools.pairwise(names)
    )


def colours(rng: random.Random) -> str:
    """A table of colours in one string, as plotting libraries keep them."""
    return "".join(characters(rng, HEX, 6) for _ in range(rng.randint(6, 20)))


# ({n}: number, {w}: word, {s}: the string)
_KINDS: tuple[tuple[Draw, tuple[str, ...]], ...] = (
    (
        hexadecimal(32, 40, 64, 128),
        (
            'sha256 = "{s}"',
            'assert digest(b"{w}") == "{s}"',
            "checksum: {s}",
            'EXPECTED["{w}"] = "{s}"',
            '    "{s}",',
            "{s}  {w}-1.{n}.tar.gz",
            "    --hash=sha256:{s} \\",
            'commit = "{s}"',
            "rev: {s}",
            "uses: actions/{w}@{s}",
            "image: corp/{w}@sha256:{s}",
            'password_hash = "{s}"',
            'etag = "{s}"',
            'cache_key = "{s}"',
            '{{"fingerprint": "{s}", "size": {n}}}',
            "token_digest = '{s}'",
            'url "https://files.pythonhosted.org/packages/{s}/{w}.whl"',
            "# see commit {s}",
            'return hashes["{s}"]',
            'public_key = "{s}"',
            'md5("{w}", "{s}")',
            'key = bytes.fromhex("{s}")',
            "trace_id={s} span={n}",
            '"_resolved": "https://registry.npmjs.org/{w}/-/{w}-1.{n}.0.tgz#{s}",',
        ),
    ),
    (
        random_uuid,
        (
            'id = "{s}"',
            "ProjectGuid={{{s}}}",
            '<Key Id="{s}"/>',
            "request_id: {s}",
            'UUID("{s}")',
            '"tenant_id": "{s}",',
            "client_id = '{s}'",
            'secret_id = "{s}"',
            "token_type_id: {s}",
            "/api/items/{s}/edit",
            'DEFINE_GUID("{s}");',
            '[assembly: Guid("{s}")]',
        ),
    ),
    (
        base64_of(48, 64),
        (
            '<script src="a.js" integrity="sha384-{s}"></script>',
            '"integrity": "sha512-{s}",',
            "integrity sha512-{s}",
            '"hash": "sha256-{s}";',
            "{w}.com ssh-rsa AAAAB3NzaC1yc2E{s}",
            "h1:{s}",
        ),
    ),
    (
        base64_of(24, 90),
        (
            'data = b"{s}"',
            "payload = base64.b64decode('{s}')",
            '"data:image/png;base64,{s}"',
            "url(data:font/woff2;base64,{s})",
            'encoded: "{s}"',
            'assertEqual(encode(raw), "{s}")',
            "{s}",
            'signature = "{s}"',
            'const wasm = "{s}";',
            'test_vector("{s}", {n});',
            "-----BEGIN CERTIFICATE-----\n{s}\n-----END CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----\n{s}\n-----END PUBLIC KEY-----",
            'thumbnail="{s}"',
        ),
    ),
    (packed_words, ('blob = "{s}"', "_TABLE = decompress('{s}')", "sourceMappingURL=data:application/json;base64,{s}")),
    (
        identifier,
        (
            'token = "{s}"',
            "password = {s}",
            'secret_name = "{s}"',
            "self.api_key = {s}(config)",
            'password_field = "{s}"',
            "auth_token: {s},",
            'get_secret("{s}")',
            "api_key=os.environ['{s}'],",
            "token = tokens.{s}[{n}]",
            'PASSWORD = "{s}"',
            'headers["Authorization"] = "Bearer " + {s}',
        ),
    ),
    (minified, ("{s}", "!{s}")),
    (colours, ('palette = "{s}"', "colors('{s}')", 'd3.schemes("{s}")')),
    (
        shaped(("123456789", 1), ".", (DIGITS, 1, 2), ".", (DIGITS, 1, 2), "-rc.1+", (HEX, 12)),
        ('version = "{s}"', "{w}=={s}", '"{w}": "^{s}",'),
    ),
    (
        lambda rng: rng.choice(["AKIA" + "IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY"]),
        ('aws_access_key_id = "{s}"', 'AWS_SECRET_ACCESS_KEY="{s}"', "# {s}"),
    ),
    (
        lambda rng: rng.choice(
            [
                "your-api-key-here",
                "<YOUR_TOKEN_1>",
                "${DB_PASSWORD_2}",
                "{{ secrets.TOKEN1 }}",
                "xxxxxxxxxxxx1234",
                "change_me_1",
                "%(pass1)s",
            ]
        ),
        ('api_key = "{s}"', "PASSWORD={s}", 'token: "{s}"', 'DATABASE_URL = "postgres://user:{s}@localhost/db"'),
    ),
    (shaped((LOWER + DIGITS, 8), "-", (LOWER + DIGITS, 5)), ('className="css-{s}"', "pod/{w}-{s}", "chunk.{s}.js")),
    (shaped((UPPER + DIGITS, 26)), ('ulid = "{s}"', "record:{s}", "barcode('{s}')")),
    (shaped((URL_SAFE, 11)), ("https://youtu.be/{s}", 'videoId: "{s}"')),
    (
        shaped((URL_SAFE, 44)),
        ('spreadsheet_id = "{s}"', "https://docs.google.com/document/d/{s}/edit", 'next_page_token = "{s}"'),
    ),
    (shaped(("ACGT", 60)), ('seq = "{s}"', "> {w}\n{s}")),
    (shaped((BASE64, 76)), ("{s}", "# {s}", '"{s}"', "'{s}'")),
    (shaped("$2b$12$", (ALNUM + "./", 53)), ('password_hash = "{s}"', "check('{s}')", "hashed: {s}")),
    (shaped("0x", (HEX, 40)), ("address = '{s}'", 'contract("{s}")', "uint256 a = {s};")),
    (shaped("pk_live_", (ALNUM, 24)), ("stripe_publishable = '{s}'", 'Stripe("{s}")')),
)


def innocents(rng: random.Random, count: int) -> list[tuple[str, str]]:
    """`count` pairs of a line of code and the string in it, the kinds by the number of their contexts."""
    weights = [len(contexts) for _, contexts in _KINDS]
    result: list[tuple[str, str]] = []
    while len(result) < count:
        draw, contexts = rng.choices(_KINDS, weights)[0]
        text = draw(rng)
        line = rng.choice(contexts).format(s=text, w=rng.choice(_WORDS), n=rng.randrange(1, 999))
        result.append((line, text))
    return result
