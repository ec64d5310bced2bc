"""What an API that speaks OpenAI's language says when it does not answer."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request that is not answered.

    Attributes:
        status: HTTP's number.
        message: why, and what to do instead, for people.
        code: why, for programs.
        param: the field of the request that it is about, if it is about one.
    """

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param

    def to_dict(self) -> dict[str, Any]:
        """The answer, as OpenAI's own has it."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}
