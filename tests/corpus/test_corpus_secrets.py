"""Secrets in code are found by format, by name and by entropy; what only looks like one is let be.

No secret is written out in this file: each is drawn from a seeded generator when a test runs.
"""

from __future__ import annotations

import base64
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.corpus.innocents import innocents
from benchmarks.corpus.plants import ALNUM, HEX, KINDS, characters, plants
from quantatissu.corpus.secrets import FORMATS, find_secrets
from quantatissu.corpus.secrets.anchors import Anchors

RNG = random.Random(11)
KEY, PASSWORD = characters(RNG, ALNUM, 40), "Sommer" + "wind!" + "2047"
GITHUB = "gh" + "p_" + characters(RNG, ALNUM, 36)


def kinds(text: str) -> list[str]:
    return [secret.kind for secret in find_secrets(text)]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_found_where_it_stands(kind: str) -> None:
    rng = random.Random(kind)
    for plant in plants(rng, 3 * len(KINDS)):
        if plant.kind == kind:
            text = f"first = 1\n{plant.snippet}\nlast = 2\n"
            start = text.index(plant.secret)
            covering = [s for s in find_secrets(text) if s.start <= start and start + len(plant.secret) <= s.end]
            assert covering, plant.snippet.replace(plant.secret, "...")


@pytest.mark.parametrize(
    "line",
    [
        f'password = "{PASSWORD}"',
        f"login('bob', password='{PASSWORD}')",
        f'{{"db_password": "{PASSWORD}"}}',
        f'#define DB_PASSWORD "{PASSWORD}"',
        f'if (password == "{PASSWORD}") open();',
        f"export SMTP_PASS='{PASSWORD}'",
        f'const char password[] = "{PASSWORD}";',
        f'let password: &str = "{PASSWORD}";',
        f"<password>{PASSWORD}</password>",
        f'props.setProperty("db.password", "{PASSWORD}");',
        f"postgres://svc:{PASSWORD}@db.corp.io/x",
        f"curl -u admin:{PASSWORD} https://api.corp.io",
        f"machine api.corp.io login bob password {PASSWORD}",
        f"Authorization: Basic {base64.b64encode(f'bob:{PASSWORD}'.encode()).decode()}",
        f"Authorization: Bearer {KEY}",
        f'headers = {{"Authorization": "token {KEY}"}}',
        f"https://api.corp.io/v1?api_key={KEY}&page=2",
        f"//registry.corp.io/:_authToken={KEY}",
        f"docker login --password {PASSWORD}",
        f'os.environ.get("API_KEY", "{KEY}")',
        f'"\\n{GITHUB}"',
    ],
)
def test_context_gives_a_value_away(line: str) -> None:
    assert len(kinds(line)) == 1


@pytest.mark.parametrize(
    "line",
    [
        'password = "password"',
        'password = "changeme"',
        'api_key = "your-api-key-goes-here-1234"',
        'api_key = "${API_KEY_FROM_VAULT_2}"',
        'token = "<insert token number 1>"',
        'password = input("Password: ")',
        "password = config.password2",
        "postgres://user:password@localhost/db",
        "postgres://{user}:{password}@{host}/db",
        'aws_access_key_id = "AKIA' + 'IOSFODNN7EXAMPLE"',
        'token = "x" * 40',
        f'password_hash = "{characters(RNG, HEX, 64)}"',
        f'{{"integrity": "sha512-{KEY}{KEY}=="}}',
        f'commit = "{characters(RNG, HEX, 40)}"',
        f'next_page_token = "{KEY}"',
        'if text.startswith("-----BEGIN RSA PRIVATE' + ' KEY-----"):',
        'kinds = ["password", "sha256", "aes128"]',
        'tokenizer = "bert-base-uncased-2019-v1"',
        "raise ValueError(\"Cannot pass 'mode=True' here\")",
    ],
)
def test_what_only_looks_like_a_secret_is_let_be(line: str) -> None:
    assert kinds(line) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Jane Doe <jane.doe@corp.io>", ["email"]),
        ("mail to jane@example.com, x@test.invalid, 1+bot@users.noreply.github.com", []),
        ("git@github.com:org/repo.git icon@2x.png @pytest.mark.slow a@b.T", []),
        ('host = "54.12.33.9"', ["ip_address"]),
        ('host = "10.1.2.3"; dns = "8.8.8.8"; mask = "255.255.255.0"; lo = "127.0.0.1"', []),
        ('version = "54.12.33.9"', []),
        ("oid 1.3.6.1.4.1.311.60.2", []),
        ("net 54.12.0.0/16", []),
        ("at 2a00:1450:4001:81b::200e now", ["ip_address"]),
        ("std::vector dead::beef 2001:db8::1 fe80::1 12:30:45", []),
        ("call (212) 867-5309", ["phone"]),
        ("call +44 20 7946 0958 or tel:+31641044153", ["phone", "phone"]),
        ("(212) 555-0123, x = a +1 234, 1e+10, 2020-01-02 10:00:00+0100", []),
    ],
)
def test_personal_data(text: str, expected: list[str]) -> None:
    assert kinds(text) == expected
    assert find_secrets(text, personal=False) == []


def test_a_token_of_a_known_service_names_what_surrounds_it() -> None:
    assert kinds(f'api_token = "{GITHUB}"') == ["github_token"]


def test_few_innocent_strings_raise_an_alarm() -> None:
    drawn = innocents(random.Random(3), 1500)
    false = sum(bool(find_secrets(f"a = 1\n{line}\nb = 2\n")) for line, _ in drawn)
    assert false < 0.01 * len(drawn)


def test_a_key_block_needs_a_key() -> None:
    begin, end = ("-----" + word + " PRIVATE KEY-----" for word in ("BEGIN", "END"))
    body = base64.b64encode(random.Random(4).randbytes(400)).decode()
    assert kinds(f"{begin}\n{body}\n{end}") == ["private_key"]
    assert kinds(f"x = '{begin}\\n{body}'") == ["private_key"]  # cut off before its end
    assert kinds(f"{begin}\n...\n{end}") == []


def test_at_least_twenty_kinds_have_a_format() -> None:
    assert len({form.kind for form in FORMATS}) >= 20


@given(st.text(alphabet=st.sampled_from("pasword=:'\"@.-_/key SG\n019\\{}<>+()é\U0001f4bb"), max_size=200) | st.text())
@settings(max_examples=150, deadline=None)
def test_any_text_can_be_searched(text: str) -> None:
    found = find_secrets(text)
    assert all(0 <= secret.start < secret.end <= len(text) for secret in found)
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))


@given(
    st.lists(st.text(alphabet="abcAB_-:.", min_size=3, max_size=6), min_size=1, max_size=5, unique=True),
    st.text(alphabet="abcAB_-:.é\U0001f4bb", max_size=60),
)
@settings(max_examples=150, deadline=None)
def test_no_anchor_is_overlooked(literals: list[str], text: str) -> None:
    anchors = Anchors((literal, number) for number, literal in enumerate(literals))
    candidates = set(anchors.candidates(text))
    for number, literal in enumerate(literals):
        places = {at for at in range(len(text)) if text.startswith(literal, at)}
        assert {(at, number) for at in places} <= candidates


def test_an_anchor_has_three_characters() -> None:
    with pytest.raises(ValueError, match="three characters"):
        Anchors([("ab", 1)])
