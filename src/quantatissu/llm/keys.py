"""API keys: from the environment or the system's keyring, never from a file of ours, and never written anywhere."""

from __future__ import annotations

import os

_SERVICE = "quantatissu"
_VARIABLES = ("QUANTA_API_KEY", "OPENAI_API_KEY")


def find_key(host: str) -> str | None:
    """The key for an endpoint's host: ``QUANTA_API_KEY``; ``OPENAI_API_KEY`` for OpenAI's own host; then what the
    keyring holds for the service ``quantatissu`` and the host as user name. None: there is none.
    """
    for variable in _VARIABLES:
        own = variable == "QUANTA_API_KEY" or host.endswith("openai.com")
        if own and (key := os.environ.get(variable, "").strip()):
            return key
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    try:
        return keyring.get_password(_SERVICE, host)
    except keyring.errors.KeyringError:
        return None
