"""HTML as a browser would read it."""

from __future__ import annotations

from html.parser import HTMLParser


class Read(HTMLParser):
    """What a browser would find: the elements, their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.marked: list[str] = []
        self._in_style = self._in_mark = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self._in_style = tag in ("style", "script")
        self._in_mark = tag == "mark"

    def handle_endtag(self, tag):
        self._in_style = self._in_mark = False

    def handle_data(self, data):
        if not self._in_style:
            self.text += data
        if self._in_mark:
            self.marked.append(data)
