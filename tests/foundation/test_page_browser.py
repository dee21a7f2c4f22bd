"""A page in a real browser: the policy in its head stops what would run or fetch, and the page's own style applies."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from quantatissu.foundation.page import Section, page, paragraph

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


def loaded(markup: str, folder: Path) -> str:
    """The document after the browser has loaded it."""
    file = folder / "page.html"
    file.write_text(markup, encoding="utf-8")
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, profile, "--dump-dom", file.as_uri()], capture_output=True, text=True, timeout=60
    )
    return done.stdout


def test_a_script_that_got_into_a_page_would_not_run(tmp_path: Path) -> None:
    clean = page("Title", "lead", [Section("One", "text", paragraph("before"))])
    attack = '<img src="x" onerror="document.title=\'ran\'"><script>document.title="ran"</script>'
    assert "<title>ran</title>" in loaded(f"<title>t</title>{attack}", tmp_path), "it runs where no policy stops it"
    attacked = clean.replace("before", attack)
    assert attacked != clean
    assert "<title>Title</title>" in loaded(attacked, tmp_path)
