"""detect-secrets as the oracle: what its plugins for named formats find in planted files, we find too."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.corpus.plants import plants
from quantatissu.corpus.secrets import find_secrets

pytest.importorskip("detect_secrets")

# Every plugin but those for names (KeywordDetector) and for entropy, which find no named format.
PLUGINS = [
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "CloudantDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "IbmCloudIamDetector",
    "IbmCosHmacDetector",
    "IPPublicDetector",
    "JwtTokenDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SoftlayerDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
]


def test_all_that_named_format_plugins_find_is_found(tmp_path: Path) -> None:
    from detect_secrets.core.secrets_collection import SecretsCollection
    from detect_secrets.settings import transient_settings

    kinds: Counter[str] = Counter()
    with transient_settings({"plugins_used": [{"name": name} for name in PLUGINS]}):
        for number, plant in enumerate(plants(random.Random(8), 280)):
            text = f"first = 1\n{plant.snippet}\n"
            path = tmp_path / f"{number}.py"
            path.write_text(text, encoding="utf-8")
            oracle = SecretsCollection()
            oracle.scan_file(str(path))
            ours = find_secrets(text)
            for _, secret in oracle:
                start = text.index(secret.secret_value)
                end = start + len(secret.secret_value)
                assert any(mine.start < end and start < mine.end for mine in ours), (plant.kind, secret.type)
                kinds[secret.type] += 1
    assert len(kinds) >= 15  # the oracle did find something to compare with
