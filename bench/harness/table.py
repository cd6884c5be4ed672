"""The rows of the printed table and their verdicts."""

import dataclasses


@dataclasses.dataclass
class Figure:
    """One measured line. `value` is what `must` and `aim` are about; larger is better unless `at_most`."""
    what: str
    ours: str
    peer: str
    value: float | None
    unit: str = "×"
    must: float | None = None
    aim: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def verdict(self):
        if self.value is None:
            return "skipped"
        if self.must is None:
            return "-"
        good = (lambda bar: self.value <= bar) if self.at_most else (lambda bar: self.value >= bar)
        return "aim" if good(self.aim) else "must" if good(self.must) else "MISS"

    def cells(self):
        def number(value):
            return "-" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
        sign = "≤ " if self.at_most else "≥ "
        bars = ["-" if bar is None else f"{sign}{number(bar)}" for bar in (self.must, self.aim)]
        shown = "-" if self.value is None else f"{number(self.value)} {self.unit}".strip()
        return [self.what, self.ours, self.peer, shown, *bars, self.verdict]


HEAD = ["what", "ours", "peer or limit", "ratio", "must", "aim", "verdict"]


def skipped(what, why):
    return Figure(what, "-", "-", None, note=why)


def text(figures):
    """A Markdown table with aligned columns."""
    lines = [HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    rows = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines]
    rows.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    notes = [f"- {figure.what}: {figure.note}" for figure in figures if figure.note]
    return "\n".join([*rows, *([""] + notes if notes else [])])
