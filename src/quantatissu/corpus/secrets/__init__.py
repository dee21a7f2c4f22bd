"""Secrets and personal data are found by published formats, names and entropy, and taken out of the text.

`find_secrets` says where they are and of which kind; no value is ever kept beside the text it was found in. `redact`
replaces them, `secret_stage` does so to documents. Not covered: passphrases with spaces, secrets without a known format
under names that say nothing, names and addresses of people.
"""

from quantatissu.corpus.secrets.find import find_secrets
from quantatissu.corpus.secrets.formats import FORMATS, Format
from quantatissu.corpus.secrets.redact import Redacted, SecretSettings, redact, secret_stage
from quantatissu.corpus.secrets.spans import Secret

__all__ = ["FORMATS", "Format", "Redacted", "Secret", "SecretSettings", "find_secrets", "redact", "secret_stage"]
