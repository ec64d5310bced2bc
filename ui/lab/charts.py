"""Charts of what was measured, as plotly figures that fit light pages and dark ones. No Gradio in here.

Figures are given lists and plain numbers alone: what Gradio 4 draws with cannot read arrays. Names of columns are the
user's: they are escaped, since plotly reads a little HTML in its texts.
"""

from __future__ import annotations

import html as markup
from collections.abc import Iterable, Sequence
from math import exp, inf, isfinite
from typing import TYPE_CHECKING, Any

from ...lora_ops.optional_packages import needed

if TYPE_CHECKING:
    from ...lora_ops.lab.curves import Curve, Point
    from ...lora_ops.results.tally import Standing, Tally

#: Readable on white and on black.
_GREY, _FAINT, _BLUE, _ORANGE = "#888888", "rgba(136,136,136,0.25)", "#3b82f6", "#e8730c"
_CLEAR = "rgba(0,0,0,0)"
_COLOURS = (_BLUE, _ORANGE, "#16a34a", "#c026d3", "#0891b2", "#dc2626")
#: How much of a name is shown beside a chart.
_LONGEST = 24


def curve(found: Curve, rows: int = 1) -> Any:
    """How a reply fares against the gain: perplexity, divergence, agreement, and the length of replies.

    The reply is the one as loaded, of a crossfade that of its second mix.

    Args:
        found: what is drawn.
        rows: of how many rows it is the mean.

    Raises:
        MissingPackage: plotly is not installed.
    """
    word = _WORDS.get(found.of, "gain")
    judged = "the second mix's reply" if found.of == "crossfade" else "the as-loaded reply"
    panels = [
        (f"perplexity of {judged}", lambda point: point.perplexity, ".4g"),
        ("divergence from the base (nats)", lambda point: point.divergence, ".3g"),
        (f"agreement with {judged}", lambda point: point.agreement, ".0%"),
    ]
    if any(point.length is not None for point in found.points):
        panels.append(("length of its own reply (tokens)", lambda point: point.length, ".4~g"))
    figure = needed("plotly.subplots", "drawing charts").make_subplots(
        rows=len(panels),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.09,
        subplot_titles=[title for title, *_ in panels],
    )
    for row, (_, read, form) in enumerate(panels, 1):
        figure.add_trace(_line(found.points, read, form, word=word), row=row, col=1)
    _styled(figure, height=90 + 150 * len(panels))
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(tickformat=".0%", row=3, col=1)
    _maybe_logarithmic(figure, [point.perplexity for point in found.points])
    if any(point.own_perplexity is not None for point in found.points):
        figure.add_trace(
            _line(found.points, lambda point: point.own_perplexity, ".4g", _ORANGE, "its own reply", word=word),
            row=1,
            col=1,
        )
        figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.04, "yanchor": "bottom", "x": 0})
        figure.data[0].update(name=judged, showlegend=True)
        figure.layout.annotations[0].update(text="perplexity")
    over = f", mean of {rows} rows" if rows > 1 else ""
    _along(figure, found, over, row=len(panels), col=1)
    return figure


def likelihood(found: Curve) -> Any:
    """How likely a text is against the gain, and where more stops helping.

    Raises:
        MissingPackage: plotly is not installed.
    """
    best = found.best
    figure = _figure(
        _line(
            found.points,
            lambda point: exp(point.mean_logprob),
            ".2%",
            extra=[_number(p.perplexity) for p in found.points],
        )
    )
    word = _WORDS.get(found.of, "gain")
    figure.data[
        0
    ].hovertemplate = f"{word} %{{x:.4g}}: %{{y:.2%}} a token, perplexity %{{customdata:.4g}}<extra></extra>"
    # A gain can be larger; more components than all there are not.
    more = "" if found.turns or found.of in _WORDS else ": try larger ones too"
    told = f"likeliest at {word} {best.gain:g}{more}"
    figure.add_scatter(
        x=[best.gain],
        y=[exp(best.mean_logprob)],
        mode="markers",
        marker={"size": 12, "color": _ORANGE},
        hoverinfo="skip",
    )
    _styled(figure, height=360)
    # Above the drawing, where no line can run through it.
    figure.add_annotation(
        text=told,
        x=best.gain,
        y=1,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        font={"color": _ORANGE, "size": 13},
    )
    figure.update_yaxes(title_text="probability of a token (geometric mean)", tickformat="~%", rangemode="tozero")
    _along(figure, found)
    return figure


def pairs(labels: Sequence[str], values: Sequence[Sequence[float]], what: str) -> Any:
    """A number for each mix (rows) on what each mix said (columns): `Scores.divergence` or `Scores.perplexity`.

    Args:
        labels: of the columns that were compared.
        values: `[i][j]`: mix i on text j.
        what: what the numbers are.

    Raises:
        MissingPackage: plotly is not installed.
        ValueError: there is not one row, and one number in each, for every label.
    """
    figure = table(labels, labels, values, what)
    figure.update_xaxes(title_text="what was said by")
    figure.update_yaxes(title_text="under the mix")
    return figure


def table(x_labels: Sequence[str], y_labels: Sequence[str], values: Sequence[Sequence[float]], what: str) -> Any:
    """Numbers in a grid, the darker the larger: an X/Y sweep, say; `values[y][x]`.

    Raises:
        MissingPackage: plotly is not installed.
        ValueError: the numbers do not fill the grid.
    """
    if len(values) != len(y_labels) or any(len(row) != len(x_labels) for row in values):
        raise ValueError(f"the numbers do not fill a grid of {len(y_labels)} rows and {len(x_labels)} columns")
    numbers = [[_number(value) for value in row] for row in values]
    go = needed("plotly.graph_objects", "drawing charts")
    trace = go.Heatmap(
        x=list(range(len(x_labels))),
        y=list(range(len(y_labels))),
        z=numbers,
        text=[
            ["" if value is None else f"{value:.2g}" if value < 1 else f"{value:.3g}" for value in row]
            for row in numbers
        ],
        texttemplate="%{text}",
        # Opaque: plotly chooses each number's colour by its cell's, and knows nothing of the page behind.
        colorscale=[[0, "#dbe8fe"], [1, "#1d4fb8"]],
        showscale=False,
        hoverongaps=False,
        xgap=2,
        ygap=2,
        hovertemplate="%{y}, %{x}: %{z:.4g}<extra></extra>",
    )
    figure = _styled(go.Figure(trace), height=200 + 36 * len(y_labels), title=markup.escape(what))
    figure.update_xaxes(showgrid=False, zeroline=False, **_names(x_labels))
    figure.update_yaxes(showgrid=False, zeroline=False, autorange="reversed", **_names(y_labels))
    return figure


def win_rates(tally: Tally) -> Any:
    """How often each mix was preferred, with the 95 % interval; dotted where neither is.

    Raises:
        MissingPackage: plotly is not installed.
    """
    standings = [standing for standing in tally.standings if standing.rate.share is not None]
    go = needed("plotly.graph_objects", "drawing charts")
    shares = [float(standing.rate.share or 0) for standing in standings]
    trace = go.Bar(
        x=shares,
        y=list(range(len(standings))),
        orientation="h",
        marker={"color": [_colour(standing) for standing in standings], "opacity": 0.6},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [standing.rate.high - share for standing, share in zip(standings, shares, strict=True)],
            "arrayminus": [share - standing.rate.low for standing, share in zip(standings, shares, strict=True)],
            "color": _GREY,
        },
        customdata=[[s.rate.wins, s.rate.losses, s.ties, s.rate.low, s.rate.high, s.rate.p_value] for s in standings],
        hovertemplate=(
            "%{x:.0%} (%{customdata[3]:.0%} to %{customdata[4]:.0%})<br>won %{customdata[0]}, lost %{customdata[1]}, "
            "ties %{customdata[2]}<br>sign test p = %{customdata[5]:.3g}<extra></extra>"
        ),
    )
    figure = _styled(go.Figure(trace), height=190 + 36 * max(len(standings), 1), title="won")
    figure.add_vline(x=0.5, line={"color": _GREY, "width": 1, "dash": "dot"})
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.update_yaxes(showgrid=False, autorange="reversed", **_names([standing.label for standing in standings]))
    return figure


def ranking(tally: Tally) -> Any:
    """The Bradley-Terry strength of each mix; mixes of another colour never met, and cannot be compared.

    Raises:
        MissingPackage: plotly is not installed.
    """
    standings = list(tally.standings)
    go = needed("plotly.graph_objects", "drawing charts")
    trace = go.Scatter(
        x=[standing.strength for standing in standings],
        y=list(range(len(standings))),
        mode="markers",
        marker={"size": 12, "color": [_colour(standing) for standing in standings]},
        customdata=[[standing.place, standing.group + 1] for standing in standings],
        hovertemplate="strength %{x:.3g}<br>place %{customdata[0]} in group %{customdata[1]}<extra></extra>",
    )
    figure = _styled(go.Figure(trace), height=190 + 36 * max(len(standings), 1), title="strength (Bradley-Terry)")
    figure.add_vline(x=0, line={"color": _GREY, "width": 1, "dash": "dot"})
    figure.update_yaxes(autorange="reversed", **_names([standing.label for standing in standings]))
    return figure


def html(figures: Iterable[Any]) -> str:
    """The figures as parts of an HTML page that needs no network: the first brings plotly's script along (5 MB)."""
    parts = [
        figure.to_html(
            full_html=False,
            include_plotlyjs=at == 0,
            config={"displaylogo": False, "responsive": True},
            default_height=f"{figure.layout.height or 400}px",
        )
        for at, figure in enumerate(figures)
    ]
    return "\n".join(parts)


#: What is swept where it is no gain.
_WORDS = {"rank": "rank", "energy": "energy", "crossfade": "crossfade"}


def _along(figure: Any, found: Curve, over: str = "", **where: int) -> None:
    """What stands below a curve: what is swept, and where that is as loaded."""
    if found.of not in _WORDS:
        figure.add_vline(x=1, line={"color": _GREY, "width": 1, "dash": "dot"})
        told = f"gain of {_short(found.label)} (1 is as loaded)"
    elif found.of == "rank":
        told = f"{_short(found.label)}: so many components are heard (all of them are as loaded)"
    elif found.of == "crossfade":
        told = "crossfade (0 is the first mix, 1 the second)"
    else:
        told = f"{_short(found.label)}: the share of it that is heard (1 is as loaded)"
    figure.update_xaxes(title_text=told + over, **where)


def _figure(*traces: Any) -> Any:
    return needed("plotly.graph_objects", "drawing charts").Figure(list(traces))


def _line(
    points: Sequence[Point],
    read: Any,
    form: str,
    colour: str = _BLUE,
    name: str = "",
    extra: list[Any] | None = None,
    word: str = "gain",
) -> Any:
    return needed("plotly.graph_objects", "drawing charts").Scatter(
        x=[point.gain for point in points],
        y=[_number(read(point)) for point in points],
        customdata=extra,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 6},
        name=name,
        showlegend=bool(name),
        hovertemplate=f"{word} %{{x:.4g}}: %{{y:{form}}}<extra></extra>",
    )


def _styled(figure: Any, height: int, title: str = "") -> Any:
    """The look that all charts share: no ground of their own, and grey that can be read on any."""
    figure.update_layout(
        template="none",
        height=height,
        autosize=True,
        paper_bgcolor=_CLEAR,
        plot_bgcolor=_CLEAR,
        font={"color": _GREY, "size": 12, "family": "inherit, system-ui, sans-serif"},
        title={"text": title, "font": {"size": 14}} if title else None,
        margin={"l": 60, "r": 24, "t": 50, "b": 64},
        showlegend=False,
        modebar={"bgcolor": _CLEAR, "color": _GREY, "activecolor": _BLUE},
        hoverlabel={"font": {"color": "#ffffff"}, "bgcolor": "#374151"},
    )
    figure.update_annotations(font={"color": _GREY, "size": 13})
    for update in (figure.update_xaxes, figure.update_yaxes):
        # Gradio 4 has margins of its own mind: what does not fit into them still shows.
        update(gridcolor=_FAINT, zerolinecolor=_FAINT, linecolor=_GREY, automargin=True, ticklabeloverflow="allow")
    return figure


def _maybe_logarithmic(figure: Any, values: Sequence[float]) -> None:
    """A perplexity that explodes would press all others flat."""
    there = [value for value in values if isfinite(value)]
    if there and max(there) > 20 * min(there):
        figure.update_yaxes(type="log", rangemode="normal", dtick=1, row=1, col=1)


def _names(labels: Sequence[str]) -> dict[str, Any]:
    """Ticks by position: two columns of the same name are still two."""
    return {"tickmode": "array", "tickvals": list(range(len(labels))), "ticktext": [_short(label) for label in labels]}


def _short(label: str) -> str:
    text = " ".join(label.split()) or "–"
    return markup.escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def _colour(standing: Standing) -> str:
    return _COLOURS[standing.group % len(_COLOURS)]


def _number(value: float | None) -> float | None:
    """JSON knows neither infinity nor NaN: nothing is drawn there."""
    return None if value is None or value != value or abs(value) == inf else value
