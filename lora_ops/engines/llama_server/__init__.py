"""A llama-server as an engine, and what it needs: adapters as GGUF files, one for each target.

>>> parts = llama_server.split("loras/pirate", "models/smollm2.gguf", "parts/pirate")
>>> desk = Desk(llama_server.connect("http://127.0.0.1:8080", parts))
"""

from .client import LlamaServerError as LlamaServerError
from .engine import LlamaServerEngine as LlamaServerEngine
from .engine import connect as connect
from .pair import CannotSplit as CannotSplit
from .part import Part as Part
from .part import read_parts as read_parts
from .part import unsplit as unsplit
from .server import Server as Server
from .server import ServerError as ServerError
from .server import start as start
from .split import split as split
from .store import PartsStore as PartsStore
from .whole_adapter import whole as whole
