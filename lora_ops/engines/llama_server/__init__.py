"""A llama-server as an engine, and what it needs: adapters as GGUF files, one for each target.

>>> parts = llama_server.split("loras/pirate", "models/smollm2.gguf", "parts/pirate")
>>> desk = Desk(llama_server.connect("http://127.0.0.1:8080", parts))
"""

from .part import Part as Part
from .part import read_parts as read_parts
from .split import split as split
from .split import unsplit as unsplit
from .split import whole as whole
