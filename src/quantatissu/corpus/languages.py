"""The table of languages: what their files are called, how they write comments, and which grammar parses them.

`corpus.stages.language` tells a file's language by this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Language:
    """One language. ``name`` is what documents carry, ``label`` what people read, ``aliases`` what data sets call it.

    ``extensions`` are lower case with the dot, ``filenames`` lower case and whole, ``interpreters`` what a shebang may
    name. ``line_comments`` and ``block_comments`` open (and close) comments; ``strings`` is the family of string
    literals, a key of `corpus.stages.lexing`. ``grammar`` is ``module:function`` of a tree-sitter grammar.
    """

    name: str
    label: str
    extensions: tuple[str, ...] = ()
    filenames: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    line_comments: tuple[str, ...] = ()
    block_comments: tuple[tuple[str, str], ...] = ()
    strings: str = ""
    grammar: str = ""
    prose: bool = False
    data: bool = False


_C = ("//",)
_CC = (("/*", "*/"),)
_XML = (("<!--", "-->"),)
_PYTHON_FILES = ("sconstruct", "sconscript", "wscript", "snakefile")
_RUBY_FILES = ("rakefile", "gemfile", "guardfile", "vagrantfile", "podfile", "fastfile", "brewfile", "capfile")
_SHELL_FILES = (".bashrc", ".bash_profile", ".bash_aliases", ".profile", ".zshrc", ".zshenv", "pkgbuild", "gradlew")

LANGUAGES: Final[tuple[Language, ...]] = (
    Language(
        "python",
        "Python",
        (".py", ".pyw", ".pyi", ".py3", ".wsgi"),
        _PYTHON_FILES,
        ("python", "pypy", "uv"),
        ("python3", "py"),
        ("#",),
        (),
        "python",
        "tree_sitter_python:language",
    ),
    Language(
        "javascript",
        "JavaScript",
        (".js", ".mjs", ".cjs", ".jsx", ".es6"),
        ("jakefile",),
        ("node", "nodejs", "bun"),
        ("js", "ecmascript", "jsx"),
        _C,
        _CC,
        "javascript",
        "tree_sitter_javascript:language",
    ),
    Language(
        "typescript",
        "TypeScript",
        (".ts", ".tsx", ".mts", ".cts"),
        (),
        ("deno", "ts-node", "tsx"),
        ("ts", "tsx"),
        _C,
        _CC,
        "javascript",
        "tree_sitter_typescript:language_typescript",
    ),
    Language("java", "Java", (".java",), (), (), (), _C, _CC, "c", "tree_sitter_java:language"),
    Language("go", "Go", (".go",), (), (), ("golang",), _C, _CC, "go", "tree_sitter_go:language"),
    Language("rust", "Rust", (".rs",), (), ("rust-script",), (), _C, _CC, "rust", "tree_sitter_rust:language"),
    Language("c", "C", (".c", ".h"), (), (), (), _C, _CC, "c", "tree_sitter_c:language"),
    Language(
        "c++",
        "C++",
        (".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h++", ".h", ".ipp", ".tpp", ".inl", ".ixx", ".cppm"),
        (),
        (),
        ("cpp", "cxx", "cplusplus"),
        _C,
        _CC,
        "c",
        "tree_sitter_cpp:language",
    ),
    Language(
        "c#",
        "C#",
        (".cs", ".csx"),
        (),
        (),
        ("csharp", "c-sharp", "c_sharp", "cs"),
        _C,
        _CC,
        "c",
        "tree_sitter_c_sharp:language",
    ),
    Language(
        "ruby",
        "Ruby",
        (".rb", ".rake", ".gemspec", ".ru", ".rbw", ".podspec"),
        _RUBY_FILES,
        ("ruby", "jruby"),
        ("rb",),
        ("#",),
        (("=begin", "=end"),),
        "script",
        "tree_sitter_ruby:language",
    ),
    Language(
        "php",
        "PHP",
        (".php", ".php3", ".php4", ".php5", ".phtml", ".inc"),
        (),
        ("php",),
        (),
        ("//", "#"),
        _CC,
        "script",
        "tree_sitter_php:language_php",
    ),
    Language(
        "shell",
        "Shell",
        (".sh", ".bash", ".zsh", ".ksh", ".bats", ".ebuild"),
        _SHELL_FILES,
        ("sh", "bash", "dash", "zsh", "ksh", "ash", "bats"),
        ("bash", "sh", "shellscript", "shell-script", "zsh"),
        ("#",),
        (),
        "shell",
        "tree_sitter_bash:language",
    ),
    Language(
        "sql",
        "SQL",
        (".sql", ".psql", ".pgsql", ".ddl"),
        (),
        (),
        ("plsql", "plpgsql", "tsql", "mysql"),
        ("--",),
        _CC,
        "sql",
    ),
    Language(
        "markdown", "Markdown", (".md", ".markdown", ".mdown", ".mkd"), (), (), ("md", "gfm"), (), _XML, prose=True
    ),
    Language("perl", "Perl", (".pl", ".pm", ".t", ".perl"), (), ("perl",), ("perl5",), ("#",), (), "script"),
    Language("prolog", "Prolog", (".pl", ".pro", ".prolog"), (), ("swipl",), (), ("%",), _CC, "script"),
    Language(
        "objective-c", "Objective-C", (".m", ".mm", ".h"), (), (), ("objectivec", "objc", "objective-c++"), _C, _CC, "c"
    ),
    Language("matlab", "MATLAB", (".m",), (), ("octave",), ("octave",), ("%",), (("%{", "%}"),), "sql"),
    Language("kotlin", "Kotlin", (".kt", ".kts"), (), ("kotlin",), (), _C, _CC, "c"),
    Language("scala", "Scala", (".scala", ".sbt", ".sc"), (), ("scala",), (), _C, _CC, "c"),
    Language("swift", "Swift", (".swift",), (), ("swift",), (), _C, _CC, "c"),
    Language("dart", "Dart", (".dart",), (), ("dart",), (), _C, _CC, "c"),
    Language("cuda", "CUDA", (".cu", ".cuh"), (), (), (), _C, _CC, "c"),
    Language("cython", "Cython", (".pyx", ".pxd", ".pxi"), (), (), (), ("#",), (), "python"),
    Language("lua", "Lua", (".lua",), (), ("lua", "luajit"), (), ("--",), (("--[[", "]]"),), "script"),
    Language("r", "R", (".r",), (".rprofile",), ("rscript",), (), ("#",), (), "script"),
    Language("julia", "Julia", (".jl",), (), ("julia",), (), ("#",), (("#=", "=#"),), "script"),
    Language("haskell", "Haskell", (".hs",), (), ("runhaskell",), (), ("--",), (("{-", "-}"),), "script"),
    Language("ocaml", "OCaml", (".ml", ".mli"), (), ("ocaml",), (), (), (("(*", "*)"),), "script"),
    Language("elixir", "Elixir", (".ex", ".exs"), (), ("elixir",), (), ("#",), (), "script"),
    Language("erlang", "Erlang", (".erl", ".hrl"), (), ("escript",), (), ("%",), (), "script"),
    Language("clojure", "Clojure", (".clj", ".cljs", ".cljc"), (), (), (), (";",), (), "script"),
    Language("fortran", "Fortran", (".f", ".f90", ".f95", ".f03", ".f08", ".for"), (), (), (), ("!",), (), "sql"),
    Language("assembly", "Assembly", (".s", ".asm"), (), (), ("asm",), (";", "#"), _CC, "script"),
    Language(
        "powershell", "PowerShell", (".ps1", ".psm1", ".psd1"), (), ("pwsh",), (), ("#",), (("<#", "#>"),), "script"
    ),
    Language("batch", "Batch", (".bat", ".cmd"), (), (), ("batchfile",), ("REM ", "rem ", "::"), ()),
    Language("tcl", "Tcl", (".tcl",), (), ("tclsh", "wish"), (), ("#",), (), "script"),
    Language("make", "Makefile", (".mk", ".mak"), ("makefile", "gnumakefile"), ("make",), ("makefile",), ("#",), ()),
    Language("cmake", "CMake", (".cmake",), ("cmakelists.txt",), (), (), ("#",), (), "script"),
    Language("dockerfile", "Dockerfile", (".dockerfile",), ("dockerfile", "containerfile"), (), (), ("#",), ()),
    Language("html", "HTML", (".html", ".htm", ".xhtml"), (), (), (), (), _XML),
    Language("css", "CSS", (".css", ".scss", ".less", ".sass"), (), (), ("scss", "less", "sass"), (), _CC, "c"),
    Language("vue", "Vue", (".vue",), (), (), (), _C, _XML),
    Language("restructuredtext", "reStructuredText", (".rst",), (), (), ("rst",), prose=True),
    Language("text", "Text", (".txt", ".text"), (), (), ("plain text",), prose=True),
    Language("tex", "TeX", (".tex", ".sty", ".bib"), (), (), ("latex",), ("%",), (), prose=True),
    Language("json", "JSON", (".json", ".jsonc", ".json5", ".geojson", ".webmanifest", ".har"), data=True),
    Language("yaml", "YAML", (".yaml", ".yml"), (".clang-format",), (), (), ("#",), (), data=True),
    Language("toml", "TOML", (".toml",), ("cargo.lock", "poetry.lock", "uv.lock"), (), (), ("#",), (), data=True),
    Language(
        "xml",
        "XML",
        (".xml", ".xsd", ".xsl", ".xslt", ".svg", ".plist", ".ui", ".qrc", ".csproj", ".wsdl"),
        (),
        (),
        (),
        (),
        _XML,
        data=True,
    ),
    Language(
        "ini",
        "INI",
        (".ini", ".cfg", ".conf", ".properties"),
        (".editorconfig", ".gitconfig"),
        (),
        (),
        ("#", ";"),
        (),
        data=True,
    ),
    Language("csv", "CSV", (".csv", ".tsv"), data=True),
    Language("notebook", "Jupyter Notebook", (".ipynb",), (), (), ("jupyter notebook", "jupyter-notebook"), data=True),
)

BY_NAME: Final[dict[str, Language]] = {language.name: language for language in LANGUAGES}
_ALIASES: Final[dict[str, str]] = {
    spelling.lower(): language.name
    for language in reversed(LANGUAGES)
    for spelling in (*language.aliases, language.label, language.name)
}


def find(name: str) -> Language | None:
    """The language somebody calls ``name``: its own name, label or an alias, in any case."""
    canonical = _ALIASES.get(name.strip().lower())
    return BY_NAME[canonical] if canonical else None
