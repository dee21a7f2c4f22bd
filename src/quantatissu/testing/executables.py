"""What can be known about an interpreter from the disk alone: links, venvs, shims, shebangs. Nothing is run here."""

from __future__ import annotations

import ast
import base64
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from quantatissu.testing.reading import read_text, read_toml

# The sandbox always shows these; /usr/local is among them.
_SYSTEM_NAMES = ("usr", "lib", "lib32", "lib64", "libx32", "bin", "sbin", "opt", "nix", "gnu")
SYSTEM = tuple(Path("/", name) for name in _SYSTEM_NAMES)
_SECRET_NAMES = {
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".config", ".mozilla", ".password-store", ".netrc",
    ".gcloud", ".oci", ".terraform.d", ".pki", ".thunderbird", "keyrings", ".git",
}  # fmt: skip
_NO_TREE = tuple(map(Path, ("/proc", "/sys", "/dev", "/run", "/boot", "/etc")))


def absolute(path: Path) -> Path:
    """Absolute and without ``..``, links kept: a venv's ``bin/python`` is a link that must not be followed."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def is_executable(path: Path) -> bool:
    """A regular file (links followed) that may be executed."""
    return path.is_file() and os.access(path, os.X_OK)


def is_script(path: Path) -> bool:
    """Starts with ``#!``: a text for some other interpreter."""
    try:
        with path.open("rb") as stream:
            return stream.read(2) == b"#!"
    except OSError:
        return False


def link_chain(path: Path) -> list[Path]:
    """The path and every file it points at through symbolic links, absolute, in order."""
    chain = [absolute(path)]
    while chain[-1].is_symlink() and len(chain) < 40:
        target = Path(os.path.normpath(chain[-1].parent / chain[-1].readlink()))
        if target in chain:
            break
        chain.append(target)
    return chain


def venv_of(python: Path) -> Path | None:
    """The virtual environment that a ``bin/python`` belongs to."""
    folder = absolute(python).parent.parent
    return folder if (folder / "pyvenv.cfg").is_file() else None


def venv_settings(venv: Path) -> dict[str, str]:
    """pyvenv.cfg, keys in lower case."""
    pairs = (line.partition("=") for line in (read_text(venv / "pyvenv.cfg") or "").splitlines())
    return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}


def is_prefix(folder: Path) -> bool:
    """Holds a Python's standard library: ``lib/python3.x/os.py``. Not true of a venv, nor of the file system's root."""
    if len(folder.parts) < 2:
        return False
    return any((lib / "os.py").is_file() for lib in library_folders(folder))


def library_folders(prefix: Path) -> list[Path]:
    """The ``lib/pythonX.Y`` folders below a prefix or venv."""
    found: list[Path] = []
    for name in ("lib", "lib64"):
        try:
            found += [
                lib for lib in sorted((prefix / name).iterdir()) if re.fullmatch(r"(python|pypy)\d[\w.]*", lib.name)
            ]
        except OSError:
            continue
    return [lib for lib in found if lib.is_dir()]


def base_prefixes(python: Path) -> list[Path]:
    """Prefixes, venv first, that the interpreter is made of: followed through links and ``pyvenv.cfg``'s ``home``."""
    found: list[Path] = []
    queue = link_chain(python)
    while queue:
        hop = queue.pop(0)
        folder = hop.parent.parent
        if folder in found:
            continue
        if (folder / "pyvenv.cfg").is_file():
            found.append(folder)
            if home := venv_settings(folder).get("home"):
                queue += [step / "python3" for step in link_chain(Path(home))]
        elif is_prefix(folder):
            found.append(folder)
        if len(found) > 20:
            break
    return found


def site_folders(python: Path) -> list[Path]:
    """Existing site-packages and dist-packages of the interpreter; those of a venv's base only where it lends them."""
    prefixes = base_prefixes(python)
    if venv := venv_of(python):
        lends = venv_settings(venv).get("include-system-site-packages", "").lower() == "true"
        prefixes = prefixes if lends else [venv]
    elif prefixes:
        # Debian: site-packages of the distribution and of the machine lie beside each other.
        local = prefixes[0] / "local"
        prefixes = [*prefixes, local] if prefixes[0] == Path("/usr") else prefixes
    folders = [
        lib / name
        for prefix in prefixes
        for lib in library_folders(prefix)
        for name in ("site-packages", "dist-packages")
    ]
    if Path("/usr") in prefixes:
        folders.append(Path("/usr/lib/python3/dist-packages"))
    folders += user_sites(python)
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def user_sites(python: Path) -> list[Path]:
    """``~/.local/lib/pythonX.Y/site-packages`` where the interpreter would use it."""
    venv = venv_of(python)
    if venv and venv_settings(venv).get("include-system-site-packages", "").lower() != "true":
        return []
    names = {lib.name for prefix in base_prefixes(python) for lib in library_folders(prefix)}
    folders = (Path.home() / ".local" / "lib" / name / "site-packages" for name in sorted(names))
    return [folder for folder in folders if folder.is_dir()]


def has_module(python: Path, name: str) -> bool:
    """Whether a top-level module is installed, judged from the site folders (and the folders their .pth files add)."""
    for site in site_folders(python):
        for folder in (site, *pth_targets(site)):
            if (folder / name).is_dir() or (folder / f"{name}.py").is_file():
                return True
    return False


def pth_targets(site: Path) -> Iterator[Path]:
    """Existing folders that the ``.pth`` files of a site folder put on ``sys.path``; lines of code are not run."""
    try:
        names = sorted(entry.name for entry in os.scandir(site) if entry.name.endswith(".pth"))
    except OSError:
        return
    for name in names:
        for line in (read_text(site / name, limit=1 << 18) or "").splitlines():
            if line.strip() and not line.startswith(("#", "import ", "import\t")) and "\0" not in line:
                target = Path(os.path.normpath(site / line.rstrip()))
                if target.is_dir():
                    yield target


def may_be_shown(path: Path) -> bool:
    """Whether a host folder may become readable in the sandbox on the word of a venv or a probe.

    Both can belong to the untrusted repository, so the home folder, what contains it, system trees, and places where
    secrets live are refused.
    """
    real = Path(os.path.realpath(path))
    home = Path(os.path.realpath(Path.home()))
    if len(real.parts) < 3 or home.is_relative_to(real):
        return False
    if any(real.is_relative_to(tree) for tree in _NO_TREE):
        return False
    return not _SECRET_NAMES.intersection(real.parts)


def script_interpreter(script: Path) -> Path | None:
    """The Python that runs an installed console script: by its shebang, else the ``python`` beside it."""
    text = read_text(script, limit=1 << 20) or ""
    lines = text.splitlines()[:3]
    candidates: list[Path] = []
    if lines and lines[0].startswith("#!"):
        words = lines[0][2:].split()
        if words and re.match(r"python|pypy", Path(words[0]).name):
            candidates.append(Path(words[0]))
        # pip's spelling for paths too long for a shebang: a sh script that is Python as well.
        elif len(lines) > 1 and (match := re.match(r"""'''exec' "?([^"]+?)"? "\$0" """, lines[1])):
            candidates.append(Path(match[1]))
    folder = absolute(script).parent
    candidates += [folder / "python", folder / "python3"]
    return next((path for path in candidates if is_executable(path)), None)


def resolve_shim(path: Path, root: Path, environ: Mapping[str, str]) -> Path | None:
    """The real interpreter behind a pyenv, asdf or mise shim, by the files those tools read; None for other scripts.

    A shim is a shell script (or a link to the tool) that needs HOME and runs plug-ins, so it is never run.
    """
    path = absolute(path)
    if path.parent.name != "shims":
        return None
    base = path.parent.parent
    for versions in (base / "versions", base / "installs" / "python"):
        if versions.is_dir():
            return _by_version(versions, path.name, root, environ)
    return None


def _by_version(versions: Path, name: str, root: Path, environ: Mapping[str, str]) -> Path | None:
    for wish in _wished_versions(versions.parent, root, environ):
        if wish == "system":
            return None
        if (found := _installed(versions, wish, name)) is not None:
            return found
    if match := re.fullmatch(r"python(\d\.\d+)", name):
        return _installed(versions, match[1], name)
    return None


def _installed(versions: Path, wish: str, name: str) -> Path | None:
    """The newest installed version that is ``wish`` or begins with it, and has the program."""
    try:
        folders = [entry for entry in versions.iterdir() if entry.name == wish or entry.name.startswith(wish + ".")]
    except OSError:
        return None
    folders.sort(key=lambda entry: [int(part) for part in re.findall(r"\d+", entry.name)], reverse=True)
    for folder in folders:
        for program in (name, "python3", "python") if not re.search(r"\d\.\d", name) else (name,):
            if is_executable(folder / "bin" / program):
                return folder / "bin" / program
    return None


def _wished_versions(tool: Path, root: Path, environ: Mapping[str, str]) -> list[str]:
    for variable in ("PYENV_VERSION", "ASDF_PYTHON_VERSION", "MISE_PYTHON_VERSION"):
        if environ.get(variable):
            return re.split(r"[:\s]+", environ[variable])
    for folder in (root, *root.parents):
        if text := read_text(folder / ".python-version"):
            return text.split("#")[0].split()
        for line in (read_text(folder / ".tool-versions") or "").splitlines():
            if line.split()[:1] == ["python"]:
                return line.split()[1:]
        for name in ("mise.toml", ".mise.toml"):
            if (folder / name).is_file():
                tools = read_toml(folder / name).get("tools")
                version = tools.get("python") if isinstance(tools, dict) else None
                if isinstance(version, str):
                    return [version]
    return (read_text(tool / "version") or "").split()


def editable_mappings(site: Path) -> Iterator[Path]:
    """Folders named by setuptools' ``__editable___*_finder.py`` modules in a site folder, read and not imported."""
    for finder in sorted(site.glob("__editable___*_finder.py")):
        match = re.search(r"^MAPPING\b[^=\n]*= (\{.*\})$", read_text(finder, limit=1 << 18) or "", re.MULTILINE)
        try:
            mapping = ast.literal_eval(match[1]) if match else {}
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        for target in mapping.values() if isinstance(mapping, dict) else ():
            # The package's parent would show its neighbours as well; a module is a file beside it.
            path = Path(str(target))
            yield path if path.is_dir() else path.with_suffix(".py")


def managed_venvs(root: Path) -> list[Path]:
    """Environments that poetry, pipenv or hatch keep for this project outside of it: their names hold a hash of it."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found: list[Path] = []
    if (root / "poetry.lock").is_file():
        found += sorted((cache / "pypoetry" / "virtualenvs").glob(f"*-{_path_hash(os.path.realpath(root))}-py*"))
    if (root / "Pipfile").is_file():
        home = Path(os.environ.get("WORKON_HOME") or data / "virtualenvs")
        found += sorted(home.glob(f"*-{_path_hash(str(root / 'Pipfile'))}"))
    hatch = data / "hatch" / "env" / "virtual"
    if hatch.is_dir():
        folders = sorted(hatch.glob(f"*/{_path_hash(str(root))}/*"))
        found += sorted(folders, key=lambda folder: not folder.name.startswith(("hatch-test", "test")))
    return found


def _path_hash(text: str) -> str:
    """Eight characters of the URL-safe base64 of a path's SHA-256, as these tools name their environments."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()[:8]
