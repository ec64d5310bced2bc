from typing import Any


def is_llama_server(model: Any) -> bool:
    return False


class LlamaCpp:
    pass
