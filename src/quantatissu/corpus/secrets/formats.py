"""The published token formats of services: what they begin with, and the exact shape of the rest.

Sources are the services' own documentation and the formats they registered with code hosts for secret scanning. A
format is trusted without further context, so each is as narrow as its service allows.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from quantatissu.corpus.secrets.spans import Secret
from quantatissu.corpus.secrets.values import is_example

# A letter before a token is part of another word, unless it belongs to an escape such as \\n.
_START = r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrtbf]))"
_END = r"(?![A-Za-z0-9_])"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@dataclass(frozen=True, slots=True)
class Format:
    """A shape that is a secret wherever it stands.

    ``anchors`` are literals of three letters or more, one of which every token holds; ``back`` is how many characters
    of the token may come before its anchor (none, unless it says so). A format without anchors is looked for in the
    whole text. ``body`` is a regular expression for the token, or for a text whose group ``secret`` is the token.
    """

    kind: str
    anchors: tuple[str, ...]
    body: str
    back: tuple[int, ...] = ()


FORMATS: tuple[Format, ...] = (
    # Cloud providers
    Format("aws_access_key", ("AKIA", "ASIA", "ABIA", "ACCA"), r"A(?:KIA|SIA|BIA|CCA)[0-9A-Z]{16}"),
    Format("aws_mws_token", ("amzn.mws.",), rf"amzn\.mws\.{_UUID}"),
    Format("google_api_key", ("AIza",), r"AIza[0-9A-Za-z_-]{35}(?!-)"),
    Format("google_oauth_secret", ("GOCSPX-",), r"GOCSPX-[0-9A-Za-z_-]{28}"),
    Format("google_oauth_token", ("ya29.",), r"ya29\.[0-9A-Za-z_-]{30,}"),
    Format("google_oauth_token", ("1//0",), r"1//0[0-9A-Za-z_-]{40,}"),
    Format("azure_storage_key", ("AccountKey=",), r"(?:Shared)?AccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)"),
    Format("azure_shared_access_key", ("SharedAccessKey=",), r"SharedAccessKey=(?P<secret>[A-Za-z0-9+/]{43}=)"),
    Format("azure_sas_signature", ("sig=",), r"sig=(?P<secret>[A-Za-z0-9+/]{43}=|(?:[A-Za-z0-9]|%2[BbFf]){43}%3[Dd])"),
    Format(
        "azure_client_secret",
        tuple(f"{digit}Q~" for digit in range(10)),
        r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
        back=(3,),
    ),
    Format("azure_devops_token", ("AZDO",), r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}", back=(76,)),
    Format("alibaba_access_key", ("LTAI",), r"LTAI[A-Za-z0-9]{16,20}"),
    Format("tencent_secret_id", ("AKID",), r"AKID[A-Za-z0-9]{32}"),
    Format("digitalocean_token", ("dop_v1_", "doo_v1_", "dor_v1_"), r"do[opr]_v1_[0-9a-f]{64}"),
    Format("heroku_api_key", ("HRKU-",), r"HRKU-[A-Za-z0-9_-]{36,}"),
    Format("fly_token", ("fo1_", "fm2_"), r"(?:fo1_[A-Za-z0-9_-]{43}|fm2_[A-Za-z0-9+/]{100,}={0,3})"),
    Format("netlify_token", ("nfp_",), r"nfp_[A-Za-z0-9]{36}"),
    Format("tailscale_key", ("tskey-",), r"tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{9,}-[A-Za-z0-9]{20,}"),
    Format("planetscale_token", ("pscale_",), r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}"),
    Format("supabase_token", ("sbp_", "sb_secret_"), r"(?:sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{31,})"),
    # Code hosts, registries and delivery
    Format("github_token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    Format("github_token", ("github_pat_",), r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    Format(
        "gitlab_token",
        ("glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glsoat", "glft-", "glimt-", "glagent", "gloas-"),
        r"gl(?:pat|dt|rt|rtr|cbt|ptt|soat|ft|imt|agent|oas)-[A-Za-z0-9_-]{20,}(?:\.[0-9a-z]{2}\.[0-9a-z]{9})?",
    ),
    Format("gitlab_token", ("GR1348941",), r"GR1348941[A-Za-z0-9_-]{20}"),
    Format("npm_token", ("npm_",), r"npm_[A-Za-z0-9]{36}"),
    Format("pypi_token", ("pypi-AgE",), r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,}"),
    Format("rubygems_key", ("rubygems_",), r"rubygems_[0-9a-f]{48}"),
    Format("crates_token", ("cio",), r"cio[A-Za-z0-9]{32}"),
    Format("nuget_key", ("oy2",), r"oy2[a-z0-9]{43}"),
    Format("clojars_token", ("CLOJARS_",), r"CLOJARS_[0-9a-z]{60}"),
    Format("docker_token", ("dckr_",), r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}"),
    Format("artifactory_token", ("AKCp",), r"AKCp[A-Za-z0-9]{20,}"),
    Format("buildkite_token", ("bkua_",), r"bkua_[0-9a-f]{40}"),
    Format("circleci_token", ("CCIPAT_",), r"CCIPAT_[A-Za-z0-9]{22}_[0-9a-f]{40}"),
    Format("pulumi_token", ("pul-",), r"pul-[0-9a-f]{40}"),
    Format("terraform_token", (".atlasv1.",), r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}", back=(14,)),
    Format("vault_token", ("hvs.", "hvb.", "hvr."), r"hv[sbr]\.[A-Za-z0-9_-]{24,}"),
    Format("doppler_token", ("dp.",), r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    Format("launchdarkly_key", ("sdk-", "api-"), rf"(?:sdk|api)-{_UUID}"),
    Format("sentry_token", ("sntrys_", "sntryu_"), r"(?:sntryu_[0-9a-f]{64}|sntrys_[A-Za-z0-9+/=_-]{60,})"),
    Format("onepassword_token", ("ops_eyJ",), r"ops_eyJ[A-Za-z0-9+/_-]{100,}={0,3}"),
    # Models
    Format("anthropic_key", ("sk-ant-",), r"sk-ant-(?:api|admin|sid|oat|ort)[0-9]{2}-[A-Za-z0-9_-]{60,}"),
    Format("openai_key", ("sk-",), r"sk-(?:[A-Za-z0-9_-]*[A-Za-z0-9_-]{20}T3BlbkFJ[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{48})"),
    Format("openrouter_key", ("sk-or-",), r"sk-or-v1-[0-9a-f]{64}"),
    Format("huggingface_token", ("hf_", "api_org_"), r"(?:hf_|api_org_)[A-Za-z0-9]{34}"),
    Format("groq_key", ("gsk_",), r"gsk_[A-Za-z0-9]{52}"),
    Format("xai_key", ("xai-",), r"xai-[A-Za-z0-9_-]{70,}"),
    Format("perplexity_key", ("pplx-",), r"pplx-[A-Za-z0-9]{48}"),
    Format("replicate_token", ("r8_",), r"r8_[A-Za-z0-9_-]{37}"),
    # Messages and mail
    Format(
        "slack_token",
        ("xoxa-", "xoxb-", "xoxo-", "xoxp-", "xoxr-", "xoxs-"),
        r"xox[aboprs]-(?:[0-9]+-)+[A-Za-z0-9]{8,}",
    ),
    Format("slack_token", ("xoxe",), r"xoxe(?:\.xox[bp])?-[0-9]-[A-Za-z0-9]{100,}"),
    Format("slack_token", ("xapp-",), r"xapp-[0-9]-[A-Za-z0-9]+-[0-9]+-[A-Za-z0-9]{32,}"),
    Format(
        "slack_webhook",
        ("hooks.slack.com/",),
        r"hooks\.slack\.com/(?:services|workflows)/(?P<secret>[A-Z0-9]{6,}/[A-Z0-9]{6,}/[A-Za-z0-9]{16,})",
    ),
    Format("discord_webhook", ("/webhooks/",), r"/webhooks/(?P<secret>[0-9]{17,20}/[A-Za-z0-9_-]{60,80})"),
    Format("telegram_token", (":AA",), r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?!-)", back=(8, 9, 10)),
    Format("twilio_key", (), r"(?:AC|SK)[0-9a-f]{32}"),
    Format("sendgrid_key", ("SG.",), r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    Format("mailgun_key", ("key-",), r"key-[0-9a-f]{32}"),
    Format("mailchimp_key", ("-us",), r"[0-9a-f]{32}-us[0-9]{1,2}", back=(32,)),
    # Payments and shops
    Format(
        "stripe_key",
        ("sk_live_", "rk_live_", "sk_test_", "rk_test_", "sk_prod_", "rk_prod_"),
        r"[sr]k_(?:live|test|prod)_[A-Za-z0-9]{10,247}",
    ),
    Format("stripe_webhook_secret", ("whsec_",), r"whsec_[A-Za-z0-9+/]{32,64}=?"),
    Format("square_token", ("sq0",), r"sq0[a-z]{3}-[0-9A-Za-z_-]{22,43}"),
    Format("square_token", ("EAAA",), r"EAAA[A-Za-z0-9_-]{60}"),
    Format("shopify_token", ("shpat_", "shpca_", "shppa_", "shpss_"), r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    Format("easypost_key", ("EZAK", "EZTK"), r"EZ[AT]K[A-Za-z0-9]{54}"),
    # Work, data and monitoring
    Format("atlassian_token", ("ATATT3", "ATCTT3"), r"AT[AC]TT3[A-Za-z0-9_=-]{60,}"),
    Format("linear_key", ("lin_api_",), r"lin_api_[A-Za-z0-9]{40}"),
    Format("notion_token", ("ntn_",), r"ntn_[A-Za-z0-9]{46}"),
    Format("figma_token", ("figd_", "figu_"), r"fig[du]_[A-Za-z0-9_-]{40}"),
    Format("postman_key", ("PMAK-",), r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    Format("databricks_token", ("dapi",), r"dapi[0-9a-f]{32}(?:-[0-9])?"),
    Format("newrelic_key", ("NRAK-", "NRII-"), r"NR(?:AK-[A-Z0-9]{27}|II-[A-Za-z0-9_-]{32})"),
    Format(
        "grafana_token", ("glsa_", "glc_"), r"(?:glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|glc_[A-Za-z0-9+/]{32,400}={0,3})"
    ),
    Format("dynatrace_token", ("dt0c01.", "dt0s01.", "dt0s16."), r"dt0[cs][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    Format("dropbox_token", ("sl.",), r"sl\.[A-Za-z0-9_-]{130,}"),
    Format("facebook_token", ("EAAC", "EAAB", "EAAG", "EAAM"), r"EAA[BCGM][A-Za-z0-9]{90,}"),
    Format("contentful_token", ("CFPAT-",), r"CFPAT-[A-Za-z0-9_-]{43}"),
    Format("typeform_token", ("tfp_",), r"tfp_[A-Za-z0-9_.=-]{40,60}"),
    Format("adafruit_key", ("aio_",), r"aio_[A-Za-z]{4}[0-9]{2}[A-Za-z0-9]{22}"),
    Format("mapbox_token", ("sk.eyJ",), r"sk\.eyJ[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{20,}"),
    Format("age_key", ("AGE-SECRET-KEY-1",), r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    Format("discord_token", (), r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"),
    Format("jwt", ("eyJ",), r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{20,}"),
)


def at_anchor(form: Format) -> Callable[[str, int], Secret | None]:
    """A function from a text and the place of an anchor of `form` to the token there, if there is one."""
    pattern = re.compile(_START + form.body + _END)
    offsets = form.back or (0,)

    def detect(text: str, place: int) -> Secret | None:
        for offset in offsets:
            match = pattern.match(text, place - offset) if place >= offset else None
            if match is not None:
                return _accepted(form.kind, match)
        return None

    return detect


def anywhere(form: Format) -> Callable[[str], Iterator[Secret]]:
    """A function from a text to the tokens of `form` in it."""
    # A pattern that begins with a set of characters is searched for much faster than one with a look-behind.
    rough, exact = re.compile(form.body), re.compile(_START + form.body + _END)

    def detect(text: str) -> Iterator[Secret]:
        for candidate in rough.finditer(text):
            match = exact.match(text, candidate.start())
            secret = _accepted(form.kind, match) if match is not None else None
            if secret is not None:
                yield secret

    return detect


def _accepted(kind: str, match: re.Match[str]) -> Secret | None:
    group = "secret" if "secret" in match.re.groupindex else 0
    token = match[group]
    if is_example(token) or (kind in _CHECKS and not _CHECKS[kind](token)):
        return None
    return Secret(*match.span(group), kind)


def _decoded(part: str) -> bytes:
    """The bytes of URL-safe base64 without padding; empty when it is not that."""
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return b""


def _is_jwt(token: str) -> bool:
    """RFC 7519: the header is a JSON object that names the algorithm. The token on jwt.io is an example."""
    header, payload, _ = token.split(".")
    return b'"alg"' in _decoded(header) and b'"1234567890"' not in _decoded(payload)


def _is_discord(token: str) -> bool:
    """The first part is the bot's number in base64."""
    return _decoded(token.partition(".")[0]).isdigit()


_CHECKS: dict[str, Callable[[str], bool]] = {"jwt": _is_jwt, "discord_token": _is_discord}
