"""The warm worker: runs inside the project's own interpreter, inside the sandbox.

This folder is bound into the sandbox as the package ``_quanta``. It uses the standard library and the project's own
pytest, and nothing else; it must run on every CPython from 3.9, so its syntax and imports stay that old.

Two stages live in one process tree. The *server* has imported the test runner only. The *session*, forked from it, has
also collected the tests, so that the project's modules are in memory. A candidate is one fork of one of them: of the
session when the change sits in a function body and can be swapped into the live function (*hot*), of the server when
modules must be imported anew (*cold*).
"""
