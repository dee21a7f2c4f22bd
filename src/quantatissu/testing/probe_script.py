"""Tells what an interpreter is. Run inside the sandbox by the interpreter in question, never imported by us.

Plain enough for any Python since 2.6, so that one that is too old can still say so. Usage: -c SOURCE MARKER MODULE...
"""

# ruff: noqa
# mypy: ignore-errors

import json
import os
import sys


def plugins(folders):
    found = []
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            if not name.endswith((".dist-info", ".egg-info")):
                continue
            stem, _, version = name.rpartition(".")[0].partition("-")
            try:
                with open(os.path.join(folder, name, "entry_points.txt")) as stream:
                    lines = stream.read().splitlines()
            except (OSError, ValueError):
                continue
            inside = False
            for line in lines:
                line = line.strip()
                if line.startswith("["):
                    inside = line == "[pytest11]"
                elif inside and "=" in line:
                    found.append([line.split("=")[0].strip(), stem, version.split("-py")[0]])
    return found


def where(name):
    """The file a module would be imported from, without importing it."""
    try:
        import importlib.util

        spec = importlib.util.find_spec(name)
    except Exception as error:
        return "error: " + repr(error)
    if spec is None:
        return None
    if spec.origin and spec.origin != "namespace":
        return spec.origin
    return next(iter(spec.submodule_search_locations or []), None)


def version_of(folders, distribution):
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            if name.lower().startswith(distribution + "-") and name.endswith((".dist-info", ".egg-info")):
                return name.rpartition(".")[0].split("-")[1]
    return None


def main():
    marker, modules = sys.argv[1], sys.argv[2:]
    answer = {"version": list(sys.version_info[:3]), "executable": sys.executable}
    if sys.version_info >= (3, 4):
        import sysconfig

        # With -c the first entry is the working folder, which is not the interpreter's own.
        path = sys.path[:] = [entry for entry in sys.path if entry]
        origins = dict((name, where(name)) for name in modules)
        answer.update(
            implementation=sys.implementation.name,
            prefix=sys.prefix,
            base_prefix=sys.base_prefix,
            path=path,
            stdlib=[sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")],
            pytest=version_of(path, "pytest") or ("unknown" if where("pytest") else None),
            unittest=where("unittest") is not None,
            plugins=plugins(path),
            origins=origins,
        )
    else:
        answer["implementation"] = "cpython"
    sys.stdout.write("\n" + marker + json.dumps(answer) + marker + "\n")
    sys.stdout.flush()
    # What a site-wide hook registered to run at exit is not part of the question.
    os._exit(0)


main()
