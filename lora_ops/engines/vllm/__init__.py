"""A vLLM or SGLang server as an engine: a mix is an adapter that is written, loaded and asked for by its name.

>>> desk = Desk(vllm.connect("http://127.0.0.1:8000", {"pirate": "loras/pirate"}, "/shared/mixes"))
"""

from .client import Client as Client
from .client import RankTooHigh as RankTooHigh
from .client import VllmError as VllmError
from .engine import VllmEngine as VllmEngine
from .engine import connect as connect
from .publishing import publish as publish
from .publishing import unpublish as unpublish
from .served_model import AnotherModel as AnotherModel
from .source import CannotServe as CannotServe
