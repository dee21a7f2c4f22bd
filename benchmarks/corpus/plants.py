"""Secrets to plant: made up by a seeded generator after the services' published formats, and the code they stand in.

None of them is real, and none is written out here: each is drawn when it is needed.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Draw = Callable[[random.Random], str]

UPPER, LOWER, DIGITS = string.ascii_uppercase, string.ascii_lowercase, string.digits
ALNUM = UPPER + LOWER + DIGITS
BASE64, URL_SAFE, HEX = ALNUM + "+/", ALNUM + "-_", DIGITS + "abcdef"


@dataclass(frozen=True, slots=True)
class Plant:
    """A secret of a kind in a snippet of a language. ``secret`` is a substring of ``snippet``."""

    kind: str
    language: str
    snippet: str
    secret: str


def characters(rng: random.Random, alphabet: str, low: int, high: int | None = None) -> str:
    """Between `low` and `high` (default: exactly `low`) characters of `alphabet`."""
    return "".join(rng.choices(alphabet, k=rng.randint(low, high or low)))


def shaped(*parts: str | tuple[str, int] | tuple[str, int, int]) -> Draw:
    """A token of fixed texts and (alphabet, length) or (alphabet, shortest, longest) parts."""
    return lambda rng: "".join(part if isinstance(part, str) else characters(rng, *part) for part in parts)


def either(*draws: Draw) -> Draw:
    """One of several shapes."""
    return lambda rng: rng.choice(draws)(rng)


def url_safe(data: bytes) -> str:
    """URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jwt(rng: random.Random) -> str:
    """RFC 7519 in compact form: header, claims, signature of 256 bits."""
    header = {"alg": rng.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"}
    if rng.random() < 0.3:
        header["kid"] = characters(rng, HEX, 12)
    claims = {"sub": characters(rng, DIGITS, 6), "iat": rng.randrange(1_500_000_000, 1_700_000_000)}
    if rng.random() < 0.6:
        claims |= {"iss": f"https://{characters(rng, LOWER, 6)}.com/", "scope": "read write"}
    return ".".join([*(url_safe(json.dumps(part).encode()) for part in (header, claims)), url_safe(rng.randbytes(32))])


def discord(rng: random.Random) -> str:
    """The bot's number in base64, a timestamp, a signature."""
    number = str(rng.randrange(10**17, 10**19)).encode()
    return f"{url_safe(number)}.{characters(rng, URL_SAFE, 6)}.{characters(rng, URL_SAFE, rng.choice([27, 38]))}"


def private_key(rng: random.Random) -> str:
    """RFC 7468 text: 64 characters a line."""
    label = rng.choice(["RSA ", "EC ", "OPENSSH ", "", "ENCRYPTED ", "DSA "])
    body = base64.b64encode(rng.randbytes(rng.choice([120, 600, 1190, 2350]))).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {label}PRIVATE KEY-----", *lines, f"-----END {label}PRIVATE KEY-----"])


_SYLLABLES = "ka lo mi ter san dor vel qui ron bas tif gul nex par wim zo".split()  # noqa: SIM905


def password(rng: random.Random) -> str:
    """As people and generators make them: words with digits and marks, or eight to twenty mixed characters."""
    if rng.random() < 0.5:
        word = "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4)))
        return word.capitalize() + characters(rng, DIGITS, 2, 4) + characters(rng, "!#*?_-", 0, 2)
    while True:
        made = characters(rng, ALNUM + "!#%*+-._~^", 8, 20)
        if any(c.isdigit() for c in made) and any(c.isalpha() for c in made) and made[0].isalnum():
            return made


KINDS: Mapping[str, Draw] = {
    "aws_access_key": shaped("AKIA", (UPPER + "234567", 16)),
    "aws_temporary_key": shaped("ASIA", (UPPER + "234567", 16)),
    "github": shaped("gh", ("pousr", 1), "_", (ALNUM, 36)),
    "github_fine_grained": shaped("github_pat_", (ALNUM, 22), "_", (ALNUM, 59)),
    "gitlab": shaped("glpat-", (URL_SAFE, 20)),
    "slack_bot": shaped("xoxb-", (DIGITS, 11, 12), "-", (DIGITS, 12, 13), "-", (ALNUM, 24)),
    "slack_webhook": shaped(
        "https://hooks.slack.com/services/T", (UPPER + DIGITS, 8), "/B", (UPPER + DIGITS, 8), "/", (ALNUM, 24)
    ),
    "stripe": shaped(("sr", 1), "k_", "live_", (ALNUM, 24)),
    "npm": shaped("npm_", (ALNUM, 36)),
    "pypi": shaped("pypi-AgEIcHlwaS5vcmc", (URL_SAFE, 140, 160)),
    "openai": either(
        shaped("sk-", (ALNUM, 20), "T3BlbkFJ", (ALNUM, 20)),
        shaped("sk-proj-", (URL_SAFE, 74), "T3BlbkFJ", (URL_SAFE, 74)),
    ),
    "anthropic": shaped("sk-ant-api03-", (URL_SAFE, 93), "AA"),
    "google_api": shaped("AIza", (URL_SAFE, 35)),
    "google_oauth": shaped("GOCSPX-", (URL_SAFE, 28)),
    "azure_storage": shaped(
        "DefaultEndpointsProtocol=https;AccountName=", (LOWER, 8), ";AccountKey=", (BASE64, 86), "=="
    ),
    "azure_client": shaped((ALNUM, 3), ("78", 1), "Q~", (ALNUM + "_~.-", 34)),
    "twilio": shaped("SK", (HEX, 32)),
    "sendgrid": shaped("SG.", (URL_SAFE, 22), ".", (URL_SAFE, 43)),
    "mailchimp": shaped((HEX, 32), "-us", ("123456789", 1)),
    "discord": discord,
    "telegram": shaped(("123456789", 1), (DIGITS, 8, 9), ":AA", (URL_SAFE, 33)),
    "square": shaped("sq0csp-", (URL_SAFE, 43)),
    "shopify": shaped("shpat_", (HEX, 32)),
    "huggingface": shaped("hf_", (ALNUM, 34)),
    "digitalocean": shaped("dop_v1_", (HEX, 64)),
    "databricks": shaped("dapi", (HEX, 32)),
    "vault": shaped("hvs.", (URL_SAFE, 90, 100)),
    "jwt": jwt,
    "private_key": private_key,
    # Known by their surroundings alone
    "aws_secret_key": shaped((BASE64, 40)),
    "basic_auth_url": password,
    "connection_string": password,
    "password": password,
    "api_key": either(
        shaped((HEX, 32)), shaped((ALNUM, 24, 40)), shaped((URL_SAFE, 32, 43)), shaped((LOWER + DIGITS, 40))
    ),
    "bearer": either(shaped((ALNUM, 32, 64)), shaped((URL_SAFE, 40)), shaped((HEX, 40))),
}

# Where a token of a known format may stand. {s}: the secret; {n}: a name, {N} in capitals.
TOKEN_CONTEXTS: tuple[tuple[str, str], ...] = (
    ("python", '{n} = "{s}"'),
    ("python", "client = Client('{s}', timeout=30)"),
    ("python", 'config["{n}"] = "{s}"  # rotate before release'),
    ("python", '{n} = os.environ.get("{N}", "{s}")'),
    ("python", "# old credentials: {s}"),
    ("python", 'requests.get(url, headers={{"X-Auth": "{s}"}}, params={{"q": 1}})'),
    ("python", 'assert parse("{n}={s}\\n") is not None'),
    ("javascript", "const {n} = '{s}';"),
    ("javascript", "module.exports = {{ {n}: `{s}`, retries: 3 }};"),
    ("javascript", "  // TODO remove {s} when the proxy is up"),
    ("javascript", 'app.use(plugin("{s}"));'),
    ("typescript", "export const {n}: string = '{s}';"),
    ("java", 'private static final String {N} = "{s}";'),
    ("java", 'builder.with("{n}", "{s}").build();'),
    ("go", 'var {n} = "{s}"'),
    ("go", '\tcfg := Config{{Name: "prod", Value: "{s}"}}'),
    ("c", '#define {N} "{s}"'),
    ("c", 'static const char *{n} = "{s}";'),
    ("ruby", "{n} = '{s}'"),
    ("ruby", "  :{n} => '{s}',"),
    ("php", "$this->set('{n}', '{s}');"),
    ("shell", "export {N}={s}"),
    ("shell", './deploy.sh --target prod "{s}"'),
    ("shell", 'curl -s -H "X-Api: {s}" https://api.internal.corp/v1/items | jq .'),
    ("yaml", "{n}: {s}"),
    ("yaml", '  - name: {N}\n    value: "{s}"'),
    ("json", '{{"name": "svc", "{n}": "{s}"}}'),
    ("toml", '{n} = "{s}"'),
    ("ini", "{n}={s}"),
    ("markdown", "Run it with `{s}` as the first argument."),
    ("sql", "INSERT INTO settings (name, value) VALUES ('{n}', '{s}');"),
    ("html", '<script data-{n}="{s}" src="a.js"></script>'),
    ("xml", "<entry><name>{n}</name><value>{s}</value></entry>"),
)
TOKEN_NAMES = [
    "value",
    "credential",
    "api_token",
    "svc_key",
    "apiKey",
    "service_token",
    "prod",
    "remote",
    "gateway_auth",
    "botToken",
    "conf_value",
]

KEY_CONTEXTS: tuple[tuple[str, str], ...] = (
    ("python", 'KEY = """{s}"""'),
    ("python", 'pem = "{e}"'),
    ("javascript", "const pem = `{s}`;"),
    ("json", '{{"type": "service_account", "private_key": "{e}"}}'),
    ("yaml", "tls.key: |\n{i}"),
    ("shell", "cat > id_rsa <<'EOF'\n{s}\nEOF"),
    ("ruby", "KEY = <<~PEM\n{i}\nPEM"),
    ("c", "{c}"),
    ("go", "const pem = `{s}`"),
)

PASSWORD_CONTEXTS: tuple[tuple[str, str], ...] = (
    ("python", '{n} = "{s}"'),
    ("python", "connect(host='db1', user='svc', {n}='{s}')"),
    ("python", '{{"user": "svc", "{n}": "{s}"}}'),
    ("python", "self.{n} = '{s}'"),
    ("javascript", "const {n} = '{s}';"),
    ("javascript", "db.auth({{ user: 'svc', {n}: '{s}' }});"),
    ("typescript", "private readonly {n}: string = '{s}';"),
    ("java", 'String {n} = "{s}";'),
    ("java", 'props.setProperty("db.{n}", "{s}");'),
    ("go", 'Config{{User: "svc", {C}: "{s}"}}'),
    ("csharp", 'var {n} = "{s}";'),
    ("ruby", "  {n}: '{s}',"),
    ("php", "define('DB_{N}', '{s}');"),
    ("c", '#define {N} "{s}"'),
    ("shell", 'export DB_{N}="{s}"'),
    ("shell", "mysqldump -u root --{n}={s} shop > shop.sql"),
    ("yaml", "    {n}: {s}"),
    ("ini", "{n} = {s}"),
    ("sql", "CREATE USER svc WITH PASSWORD '{s}';"),
    ("xml", "<{n}>{s}</{n}>"),
)
PASSWORD_NAMES = [
    "password",
    "passwd",
    "db_password",
    "dbPassword",
    "pwd",
    "admin_password",
    "smtp_pass",
    "passphrase",
    "userPassword",
]

URL_CONTEXTS: tuple[tuple[str, str], ...] = (
    ("python", 'DATABASE_URL = "postgresql://svc:{s}@db1.corp.net:5432/shop"'),
    ("python", "engine = create_engine('mysql+pymysql://root:{s}@10.1.2.3/app')"),
    ("javascript", "mongoose.connect('mongodb+srv://app:{s}@cluster0.ab1cd.mongodb.net/prod');"),
    ("yaml", "broker: amqp://worker:{s}@mq.corp.net:5672//"),
    ("shell", "git clone https://deploy:{s}@git.corp.net/team/repo.git"),
    ("shell", "REDIS_URL=redis://:{s}@cache.corp.net:6379/0"),
    ("go", 'client.Get("https://admin:{s}@api.corp.net/health")'),
    ("ini", "index-url = https://ci:{s}@pypi.corp.net/simple"),
)
CONNECTION_CONTEXTS: tuple[tuple[str, str], ...] = (
    ("csharp", 'var cs = "Server=db1;Database=shop;User Id=svc;Password={s};Encrypt=true";'),
    ("json", '{{"Default": "Data Source=db1;Initial Catalog=shop;uid=svc;pwd={s};"}}'),
    ("java", 'DriverManager.getConnection("jdbc:postgresql://db1/shop?user=svc&password={s}");'),
    ("python", 'psycopg2.connect("host=db1 dbname=shop user=svc password={s}")'),
    ("php", "new PDO('mysql:host=db1;dbname=shop;user=svc;password={s}');"),
)
API_KEY_CONTEXTS: tuple[tuple[str, str], ...] = (
    ("python", '{n} = "{s}"'),
    ("python", 'params = {{"q": city, "{n}": "{s}"}}'),
    ("python", 'os.environ["{N}"] = "{s}"'),
    ("python", "svc = Service({n}='{s}')"),
    ("javascript", "const {n} = '{s}';"),
    ("javascript", "fetch(`https://api.corp.net/v2/items?{n}={s}&page=1`)"),
    ("typescript", "  {n}: '{s}',"),
    ("java", 'static final String {N} = "{s}";'),
    ("go", '{n} := "{s}"'),
    ("csharp", '<add key="{C}" value="{s}" />'),
    ("php", "$config['{n}'] = '{s}';"),
    ("ruby", "ENV['{N}'] ||= '{s}'"),
    ("c", 'const char {n}[] = "{s}";'),
    ("shell", "export {N}={s}"),
    ("yaml", "{n}: {s}"),
    ("toml", '{n} = "{s}"'),
    ("json", '{{"url": "https://api.corp.net", "{n}": "{s}"}}'),
    ("shell", "curl -H 'X-Api-Key: {s}' https://api.corp.net/v2/items"),
)
API_KEY_NAMES = [
    "api_key",
    "apiKey",
    "secret_key",
    "client_secret",
    "auth_token",
    "access_token",
    "encryption_key",
    "app_secret",
    "apikey",
]
AWS_CONTEXTS: tuple[tuple[str, str], ...] = (
    ("ini", "aws_secret_access_key = {s}"),
    ("shell", "export AWS_SECRET_ACCESS_KEY={s}"),
    ("python", 'boto3.client("s3", aws_secret_access_key="{s}")'),
    ("javascript", "AWS.config.update({{ secretAccessKey: '{s}' }});"),
    ("java", 'new BasicAWSCredentials(id, secretKey = "{s}");'),
    ("yaml", '  AWS_SECRET_KEY: "{s}"'),
    ("json", '{{"SecretAccessKey": "{s}", "Region": "eu-west-1"}}'),
)
BEARER_CONTEXTS: tuple[tuple[str, str], ...] = (
    ("python", 'headers = {{"Authorization": "Bearer {s}"}}'),
    ("javascript", "headers: {{ Authorization: 'Bearer {s}' }},"),
    ("shell", 'curl -H "Authorization: Bearer {s}" https://api.corp.net/me'),
    ("go", 'req.Header.Set("Authorization", "Bearer {s}")'),
    ("yaml", "authorization: Bearer {s}"),
    ("java", 'conn.setRequestProperty("Authorization", "Bearer {s}");'),
    ("markdown", "    Authorization: Bearer {s}"),
    ("python", 'session.headers["Authorization"] = "token {s}"'),
)

SURROUNDINGS: Mapping[str, tuple[tuple[tuple[str, str], ...], list[str]]] = {
    "private_key": (KEY_CONTEXTS, ["key"]),
    "aws_secret_key": (AWS_CONTEXTS, ["key"]),
    "basic_auth_url": (URL_CONTEXTS, ["url"]),
    "connection_string": (CONNECTION_CONTEXTS, ["dsn"]),
    "password": (PASSWORD_CONTEXTS, PASSWORD_NAMES),
    "api_key": (API_KEY_CONTEXTS, API_KEY_NAMES),
    "bearer": (BEARER_CONTEXTS, ["auth"]),
}


def plants(rng: random.Random, count: int) -> list[Plant]:
    """`count` plants, the kinds in turn, each in a context drawn for it."""
    kinds = sorted(KINDS)
    rng.shuffle(kinds)
    return [plant(rng, kinds[at % len(kinds)]) for at in range(count)]


def plant(rng: random.Random, kind: str) -> Plant:
    """One plant of `kind`."""
    contexts, names = SURROUNDINGS.get(kind, (TOKEN_CONTEXTS, TOKEN_NAMES))
    language, template = rng.choice(contexts)
    secret, name = KINDS[kind](rng), rng.choice(names)
    lines = secret.split("\n")
    snippet = template.format(
        s=secret,
        n=name,
        N=name.upper(),
        C=name[0].upper() + name[1:],
        e="\\n".join(lines),
        i="\n".join("  " + line for line in lines),
        c="static const char key[] =\n" + "\n".join(f'    "{line}\\n"' for line in lines) + ";",
    )
    # Of a block of lines and of a text around a key, the part that must not be left.
    telling = max(lines, key=len) if len(lines) > 1 else secret.rpartition("AccountKey=")[2].rpartition("/services/")[2]
    return Plant(kind, language, snippet, telling)
