"""TextGen's extra flags: what the user wrote stays, in both ways of writing them, and files come after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.hosts.textgen.llama_flags import arguments, with_files, without_files

FILES = [Path("/data/two words/a.gguf"), Path("/data/it's/b.gguf")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, []),
        ("", []),
        ("--jinja --rpc 1222,1222", ["--jinja", "--rpc", "1222,1222"]),
        ("\"--jinja --lora 'my file.gguf'\"", ["--jinja", "--lora", "my file.gguf"]),
        ("jinja,rpc=10.0.0.1:50052,ngl=3", ["--jinja", "--rpc", "10.0.0.1:50052", "-ngl", "3"]),
        ("fit=on , t=4", ["--fit", "on", "-t", "4"]),
        ("lora=a=b.gguf", ["--lora", "a=b.gguf"]),
    ],
)
def test_flags_are_read_as_the_host_reads_them(text, found):
    assert arguments(text) == found


@pytest.mark.parametrize("text", [None, "", "--jinja", "jinja,rpc=10.0.0.1:50052", "'--lora own.gguf'"])
def test_files_come_after_what_the_user_wrote(text):
    assert arguments(with_files(text, FILES)) == [
        *arguments(text), "--cache-ram", "0", "--lora", ",".join(map(str, FILES)),
    ]  # fmt: skip


@pytest.mark.parametrize("text", [None, "", "  jinja , t=4"])
def test_without_files_the_text_is_the_user_s_own(text):
    assert with_files(text, []) == (text or "")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters=",\0"), min_size=1), min_size=1))
def test_whatever_files_are_called_the_host_hands_them_on(names):
    files = [Path("/", name.replace("/", "_")) for name in names]
    assert arguments(with_files("--jinja", files))[-1] == ",".join(map(str, files))


def test_what_cannot_be_written_is_refused():
    with pytest.raises(ValueError, match="a folder without"):
        with_files("", [Path("/a,b/c.gguf")])
    with pytest.raises(ValueError, match="quotation"):
        arguments("--jinja 'open")


@pytest.mark.parametrize("text", [None, "", "--jinja", "jinja,rpc=10.0.0.1:50052", "'--lora own.gguf'"])
def test_files_that_were_put_there_are_taken_out_again_and_the_user_s_own_are_not(text):
    assert arguments(without_files(with_files(text, FILES), Path("/data"))) == arguments(text)
    assert without_files(text, Path("/data")) == (text or "")
