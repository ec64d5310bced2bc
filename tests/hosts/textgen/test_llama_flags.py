"""TextGen's extra flags: what the user wrote stays, in both ways of writing them, and files come after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.hosts.textgen.llama_flags import (
    arguments,
    files_of,
    own_files,
    remembers_prompts,
    with_files,
    with_own,
    without_files,
    without_own,
)

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


SCALED = [(Path("/data/x/1.gguf"), 0.5), (Path("/data/x/2.gguf"), 0.5)]


@pytest.mark.parametrize("text", [None, "--jinja", "jinja,lora=own.gguf", "--lora-scaled own.gguf:0.5"])
def test_what_was_opened_up_stands_apart_with_its_scale(text):
    written = with_files(text, FILES, SCALED)
    assert files_of(written, Path("/data")) == (FILES, SCALED)
    assert arguments(without_files(written, Path("/data"))) == arguments(text)
    assert files_of(with_files(text, [], SCALED), Path("/data")) == ([], SCALED)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("lora=/a.gguf,jinja", "--jinja"),
        ("--lora /a.gguf,/b.gguf --jinja", "--lora /b.gguf --jinja"),
        ("--lora-scaled /b.gguf:2,/a.gguf:0.5", "--lora-scaled /b.gguf:2"),
        ("--lora /b.gguf", "--lora /b.gguf"),
    ],
)
def test_one_of_the_user_s_own_files_is_taken_out_and_all_else_stays(text, left):
    assert without_own(text, Path("/a.gguf")) == left


def test_the_user_s_own_files_are_told_with_their_scales_and_written_back_as_a_user_would():
    assert own_files("lora=/a.gguf,lora-scaled=/b.gguf:0.5") == [(Path("/a.gguf"), 1.0), (Path("/b.gguf"), 0.5)]
    assert with_own("jinja", (Path("/a.gguf"), 1.0)) == "--jinja --lora /a.gguf"
    assert with_own("", (Path("/a.gguf"), 0.5)) == "--lora-scaled /a.gguf:0.5"
    with pytest.raises(ValueError, match="colon"):
        with_own("", (Path("/a:b.gguf"), 0.5))


@pytest.mark.parametrize(
    ("text", "remembers"),
    [(None, True), ("--lora a.gguf", True), ("cache-ram=0", False), ("-cram 4096", True), ("-cram 9 -cram 0", False)],
)
def test_a_server_remembers_prompts_unless_it_is_told_not_to(text, remembers):
    assert remembers_prompts(text) is remembers
