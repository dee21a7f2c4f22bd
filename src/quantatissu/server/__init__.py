"""An engine behind OpenAI's HTTP interface: chat, responses, completions, models, health and metrics.

`serve` runs it. `app` puts the parts together; `guard` turns away who may not come in, `asked` is what requests may
hold, `chat`, `responses` and `completions` answer them, `streaming` brings an engine's pieces to them.
"""

from quantatissu.server.app import make_app
from quantatissu.server.running import serve
from quantatissu.server.settings import ServerSettings

__all__ = ["ServerSettings", "make_app", "serve"]
