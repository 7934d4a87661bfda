"""The plots of the enrichment measures as shapes on a plane; the template turns them into SVG.

Lengths are in the plot's own units, the origin is top left. Texts come from our own names and numbers alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lead_pipeline.domain.enrichment.measures import AccuracyLine, AgeBucket, CompletenessLine, DaySpend, FunnelLine

WIDTH = 460
LABEL_WIDTH = 124  # left of horizontal bars
VALUE_WIDTH = 58  # right of them
BAR_HEIGHT = 11
ROW_GAP = 10
TOP = 6
COLUMNS_HEIGHT = 130
AXIS_HEIGHT = 22  # below columns
LONG_WINDOW_COLUMNS = 31  # more columns than that have no gaps
WIDEST_COLUMN = 40  # a few columns do not fill the whole width
MOST_LABELS = 8  # below columns
HALF_TICK = 14  # half as wide as a date, so that the first one is not cut off
DOT_RADIUS = 4.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle; `kind` is its class in the style sheet, `hint` what a pointer over it shows."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A measured point."""

    x: float
    y: float
    kind: str
    hint: str = ""
    radius: float = DOT_RADIUS


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line, such as an axis or an interval."""

    x1: float
    y1: float
    x2: float
    y2: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A word or number; `anchor` is start, middle or end."""

    x: float
    y: float
    words: str
    anchor: str = "start"
    kind: str = "word"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One picture; `summary` says the same in words for who cannot see it."""

    title: str
    summary: str
    height: float
    boxes: tuple[Box, ...] = ()
    dots: tuple[Dot, ...] = ()
    lines: tuple[Line, ...] = ()
    texts: tuple[Text, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()  # class -> words
    width: float = WIDTH


def percent(share: float | None) -> str:
    """Return a share in words."""
    return "-" if share is None else f"{100 * share:.0f} %"


def plot_days(days: Sequence[DaySpend]) -> Plot:
    """Draw credits by day; those of lost answers on top."""
    columns = [
        (line.day[5:], (("spent", line.credits), ("uncertain", line.uncertain_credits)), f"{line.day}: ")
        for line in days
    ]
    total = sum(line.credits for line in days)
    plot = _columns("Credits a day", columns, unit="credits")
    return replace(
        plot,
        summary=f"{total:,} settled credits on {len(days)} days",
        legend=(("spent", "settled"), ("uncertain", "answer lost")),
    )


def plot_ages(buckets: Sequence[AgeBucket], *, stale_after_days: int) -> Plot:
    """Draw how many records are how old; a column is stale when all of it is."""
    columns = []
    for bucket, following in pairwise((*buckets, None)):
        assert bucket is not None  # noqa: S101  # only the last follower is None
        name = _age_name(bucket, is_last=following is None)
        is_stale = bucket.from_days is None or bucket.from_days >= stale_after_days
        columns.append((name, (("stale" if is_stale else "fresh", bucket.records),), f"{name} days: "))
    total = sum(bucket.records for bucket in buckets)
    plot = _columns("Days since a record was last looked at", columns, unit="records")
    return replace(
        plot,
        summary=f"{total:,} live records by age",
        legend=(("fresh", "fresh"), ("stale", f"{stale_after_days} days and more")),
    )


def plot_completeness(lines: Sequence[CompletenessLine]) -> Plot:
    """Draw the share of leads with each value, before and after."""
    rows = []
    for line in lines:
        rows.append((line.field, "before", line.share_before, f"{line.before:,} of {line.leads:,} as delivered"))
        rows.append(("", "after", line.share_after, f"{line.after:,} of {line.leads:,} after enrichment"))
    summary = "; ".join(f"{line.field} {percent(line.share_before)} to {percent(line.share_after)}" for line in lines)
    plot = _bars("Leads with a value", rows, group=2)
    return replace(plot, summary=summary, legend=(("before", "as delivered"), ("after", "after enrichment")))


def plot_accuracy(lines: Sequence[AccuracyLine]) -> Plot:
    """Draw what may be expected of each kind of data as a band, and what was seen and stated as points in it."""
    step = BAR_HEIGHT + ROW_GAP
    boxes, dots, texts, axes = [], [], [], []
    for row, line in enumerate(lines):
        y = TOP + row * step
        middle = y + BAR_HEIGHT / 2
        low, high = _across(line.band.low), _across(line.band.high)
        hint = f"{line.field}: {percent(line.band.low)} to {percent(line.band.high)} may be expected"
        axes.append(Line(x1=_across(0), y1=middle, x2=_across(1), y2=middle, kind="rule"))
        boxes.append(Box(x=low, y=y, width=max(high - low, 2), height=BAR_HEIGHT, kind="band", hint=hint))
        texts.append(Text(x=LABEL_WIDTH - 8, y=middle + 4, words=line.field, anchor="end"))
        if line.stated_share is not None:
            hint = f"{line.field}: stated {percent(line.stated_share)}"
            dots.append(Dot(x=_across(line.stated_share), y=middle, kind="stated", hint=hint))
        if line.observed_share is not None:
            hint = f"{line.field}: {line.standing:,} of {line.written:,} still stand"
            dots.append(Dot(x=_across(line.observed_share), y=middle, kind=f"observed {line.drift.value}", hint=hint))
        words = percent(line.observed_share)
        texts.append(Text(x=WIDTH - 2, y=middle + 4, words=words, anchor="end", kind="number"))
    summary = "; ".join(f"{line.field} {percent(line.observed_share)}, {line.drift.value}" for line in lines)
    return Plot(
        title="Accuracy against what may be expected",
        summary=summary,
        height=TOP + len(lines) * step,
        boxes=tuple(boxes),
        dots=tuple(dots),
        lines=tuple(axes),
        texts=tuple(texts),
        legend=(("band", "expected"), ("stated", "stated confidence"), ("observed", "still standing")),
    )


def plot_funnel(lines: Sequence[FunnelLine]) -> Plot:
    """Draw response and conversion of both groups, with their 95 % intervals."""
    rows, intervals = [], []
    for name in ("response", "conversion"):
        for place, line in enumerate(lines):
            share = getattr(line, f"{name}_share")
            kind = "enriched" if line.is_enriched else "other"
            rows.append(
                ("" if place else name, kind, share, f"{name}, {line.label}: {percent(share)} of {line.leads:,}")
            )
            intervals.append(getattr(line, f"{name}_interval"))
    plot = _bars("Response and conversion, with 95 % intervals", rows, group=len(lines))
    whiskers = tuple(
        Line(x1=_across(interval[0]), y1=middle, x2=_across(interval[1]), y2=middle, kind="whisker")
        for box, interval in zip(plot.boxes, intervals, strict=True)
        if interval is not None
        for middle in (box.y + box.height / 2,)
    )
    summary = "; ".join(
        f"{line.label}: {percent(line.response_share)} responded, {percent(line.conversion_share)} converted"
        for line in lines
    )
    return replace(
        plot,
        summary=summary,
        lines=(*plot.lines, *whiskers),
        legend=(("enriched", "enriched"), ("other", "not enriched")),
    )


def _age_name(bucket: AgeBucket, *, is_last: bool) -> str:
    if bucket.from_days is None:
        return "never"
    return f"{bucket.from_days}+" if is_last else str(bucket.from_days)


def _across(share: float) -> float:
    """Return where a share lies between the labels and the values."""
    return LABEL_WIDTH + share * (WIDTH - LABEL_WIDTH - VALUE_WIDTH)


def _bars(title: str, rows: Sequence[tuple[str, str, float | None, str]], *, group: int) -> Plot:
    """Draw shares as horizontal bars: label, class, share and hint of each, `group` of them close together."""
    boxes, texts, axes = [], [], []
    y = float(TOP)
    for number, (label, kind, share, hint) in enumerate(rows):
        boxes.append(
            Box(x=LABEL_WIDTH, y=y, width=_across(share or 0) - LABEL_WIDTH, height=BAR_HEIGHT, kind=kind, hint=hint)
        )
        if label:
            texts.append(Text(x=LABEL_WIDTH - 8, y=y + BAR_HEIGHT, words=label, anchor="end"))
        texts.append(Text(x=WIDTH - 2, y=y + BAR_HEIGHT - 1, words=percent(share), anchor="end", kind="number"))
        y += BAR_HEIGHT + (ROW_GAP if number % group == group - 1 else 2)
    axes.append(Line(x1=LABEL_WIDTH, y1=TOP - 2, x2=LABEL_WIDTH, y2=y - ROW_GAP + 2, kind="axis"))
    return Plot(
        title=title, summary="", height=max(y, TOP + 1), boxes=tuple(boxes), lines=tuple(axes), texts=tuple(texts)
    )


def _columns(title: str, columns: Sequence[tuple[str, Iterable[tuple[str, int]], str]], *, unit: str) -> Plot:
    """Draw counts as columns of stacked parts: name, (class, count) of each part, and the begin of the hint."""
    stacks = [(name, list(parts), hint) for name, parts, hint in columns]
    highest = max((sum(count for _, count in parts) for _, parts, _ in stacks), default=0)
    pitch = min(WIDTH / max(len(stacks), 1), WIDEST_COLUMN)
    gap = 0.5 if len(stacks) > LONG_WINDOW_COLUMNS else min(6.0, pitch / 4)
    ground = TOP + 12 + COLUMNS_HEIGHT
    boxes, texts = [], []
    every = -(-len(stacks) // MOST_LABELS) if len(stacks) > WIDTH / WIDEST_COLUMN else 1
    for place, (name, parts, hint) in enumerate(stacks):
        top = float(ground)
        for kind, count in parts:
            height = COLUMNS_HEIGHT * count / highest if highest else 0.0
            top -= height
            words = f"{hint}{count:,} {unit}"
            boxes.append(Box(x=place * pitch, y=top, width=pitch - gap, height=height, kind=kind, hint=words))
        if place % every == 0:
            middle = max(place * pitch + (pitch - gap) / 2, HALF_TICK)
            texts.append(Text(x=middle, y=ground + 15, words=name, anchor="middle", kind="tick"))
    texts.append(Text(x=0, y=TOP + 6, words=f"{highest:,} {unit}", kind="tick"))
    lines = (
        Line(x1=0, y1=TOP + 12, x2=WIDTH, y2=TOP + 12, kind="rule"),
        Line(x1=0, y1=ground, x2=WIDTH, y2=ground, kind="axis"),
    )
    return Plot(
        title=title, summary="", height=ground + AXIS_HEIGHT, boxes=tuple(boxes), texts=tuple(texts), lines=lines
    )
