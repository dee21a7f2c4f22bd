"""Signals as a person's shell leaves them.

A run started in the background or by `nohup` ignores some of them, what it starts inherits that, and the tests of
Ctrl-C would wait for ever.
"""

import signal

for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGQUIT, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)
