"""The commands and what they are called; each lives in a file of its own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .. import __version__
from . import bake as baking
from . import demo as page
from . import inspect as inspecting
from . import learn as teaching
from . import measure as measuring
from . import publish as publishing
from . import recipe as advising
from . import spectrum as ranking
from . import split as splitting
from .exits import NAME

#: What a user types where LoRA Mixer is installed.

app = typer.Typer(
    name=NAME,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="**LoRA Mixer** in a terminal: look at adapters, measure them, and write mixes to disk; or open its page.\n\n"
    "A *gain* is what an adapter's loudness is multiplied by: 1 is as trained, 0 silent, 2 twice as loud. Gains come "
    "from a mix or profile that the page saved (`--mix FILE`), and from `--gain`, as often as you like:\n\n"
    "* `--gain 0.5` the only adapter, whole\n\n"
    "* `--gain pirate=0.5` the adapter pirate\n\n"
    "* `--gain pirate:q_proj=0` one kind\n\n"
    "* `--gain pirate:12=2` layer 12\n\n"
    "* `--gain pirate:model.layers.3.mlp.up_proj=0` one target\n\n"
    "An adapter is the folder that it lies in, or `NAME=FOLDER` to give it another name.",
    epilog="Exit status: 0 done, 1 failed on the way, 2 not understood or not possible. `--debug` shows where an error "
    "came from.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"LoRA Mixer {__version__}")
        raise typer.Exit


@app.callback()
def _whole(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Tells the version, and ends.")
    ] = False,
) -> None: ...


app.command("inspect")(inspecting.inspect)
app.command("bake")(baking.bake)
app.command("combine")(baking.combine)
app.command("merge")(baking.merge)
app.command("split")(splitting.split)
app.command("loudness")(measuring.loudness)
app.command("impact")(measuring.impact)
app.command("learn")(teaching.learn)
app.command("spectrum")(ranking.spectrum)
app.command("resize")(ranking.resize)
app.command("recipe")(advising.recipe)
app.command("publish")(publishing.publish)
app.command("servers")(publishing.servers)
app.command("unpublish")(publishing.unpublish)
# What follows `demo` is for the page, its own --help too.
_ALL: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True}
app.command("demo", context_settings=_ALL, add_help_option=False)(page.demo)
