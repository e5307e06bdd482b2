"""What `load.py --json` found, as docs/benchmarks.md and its pictures: `python bench/load_report.py FOUND.json`."""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

DOCS = Path(__file__).resolve().parent.parent / "docs"
BLUE, GREY = "#1f5fbf", "#9aa5b1"


def spread(found: dict[str, float], digits: int = 2, unit: str = "") -> str:
    """The median of the rounds, and between what they lay."""
    return f"{found['median']:.{digits}f}{unit} ({found['least']:.{digits}f} to {found['most']:.{digits}f})"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def peer(found: dict[str, Any]) -> str:
    """Processor of a sign-in beside that of django-allauth."""
    ms, (own, its) = found["milliseconds"], found["requests"]
    rows = [
        [
            "普通登录 by SMS, to the home page",
            f"{own:.0f}",
            spread(ms["portal"], 1),
            spread(ms["portal, a request"], 2),
        ],
        ["django-allauth, password and code", f"{its:.0f}", spread(ms["peer"], 1), spread(ms["peer, a request"], 2)],
        ["ratio", "", spread(found["ratio"]), spread(found["ratio_of_a_request"])],
    ]
    head = ["", "requests", "ms of processor a sign-in", "ms of processor a request"]
    return table(head, rows)


def doors(found: dict[str, Any]) -> str:
    """Whole sign-ins a second, at each door."""
    rows = [
        [door, f"{each['a_second']:.1f}", f"{each['requests']:.0f}", str(each["queries"])]
        for door, each in found.items()
    ]
    return table(["door", "whole sign-ins a second", "requests", "statements of one, its message among them"], rows)


def sizes(found: dict[str, Any]) -> str:
    """Every request in worlds of different size."""
    names = list(found)
    head = ["request", f"ms at {int(names[0]):,}", *(f"times that at {int(name):,}" for name in names[1:])]
    rows = [
        [request, f"{each['milliseconds']:.1f}", *(spread(found[name][request]["ratio"]) for name in names[1:])]
        for request, each in found[names[0]].items()
    ]
    return table(head, rows)


def crowds(found: dict[str, Any]) -> str:
    """Many at once."""
    rows = []
    for size, each in found.items():
        slowest = max(each["p95"], key=each["p95"].get)
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(each["statuses"].items()))
        slow = f"{each['p95'][slowest]:.2f} s ({slowest})"
        rows.append([size, f"{each['seconds']:.0f} s", slow, statuses, str(each["failed"]), f"{each['megabytes']:.0f}"])
    return table(["at once", "all are in after", "p95 of the slowest request", "answers", "errors", "MB at most"], rows)


def pages(found: dict[str, Any]) -> str:
    """Percentiles of some pages."""
    rows = [[page, *(f"{value:.1f}" for value in values)] for page, values in found.items()]
    return table(["page", "p50, ms", "p95", "p99"], rows)


def tables(found: list[list[Any]]) -> str:
    """What a row takes on the disk, its indexes among it."""
    rows = [[name, f"{count:,}", f"{size / max(1, count):.0f}"] for name, count, size in found]
    return table(["table", "rows", "bytes a row, with its indexes"], rows)


def scanned(found: dict[str, Any]) -> str:
    """Whether any request went through a big table row by row."""
    read = ", ".join(f"{name}: {count:,}" for name, count in found["rows"].items())
    where = f"at {found['size']:,} taxpayers"
    return f"Rows of these tables that all requests together read without an index, {where}: {read or 'none'}."


def draw(found: dict[str, Any]) -> None:
    """The pictures."""
    folder = DOCS / "benchmarks"
    folder.mkdir(exist_ok=True)
    plt.rcParams |= {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "etax"}
    if "peer" in found:
        ms = found["peer"]["milliseconds"]
        figure, axes = plt.subplots(1, 2, figsize=(8, 2.6), layout="constrained")
        pairs = (("portal", "peer"), ("portal, a request", "peer, a request"))
        for plot, names, title in zip(axes, pairs, ("a whole sign-in", "a request"), strict=True):
            medians = [ms[name]["median"] for name in names]
            errors = [
                [ms[name]["median"] - ms[name]["least"] for name in names],
                [ms[name]["most"] - ms[name]["median"] for name in names],
            ]
            plot.barh(["portal", "django-allauth"], medians, xerr=errors, color=[BLUE, GREY])
            plot.invert_yaxis()
            plot.set_xlabel(f"ms of processor outside hashing, {title}")
        figure.savefig(folder / "peer.svg", metadata={"Date": None})
    if "sizes" in found:
        names = list(found["sizes"])
        figure, plot = plt.subplots(figsize=(8, 4), layout="constrained")
        for request in found["sizes"][names[0]]:
            ratios = [found["sizes"][name][request]["ratio"]["median"] for name in names]
            plot.plot([int(name) for name in names], ratios, marker="o", label=request)
        plot.set(xscale="log", xlabel="taxpayers", ylabel="time, as a multiple of that at 1,000")
        plot.axhline(1.1, color=GREY, linestyle="--")
        plot.set_ylim(0, max(2, plot.get_ylim()[1]))
        plot.legend(fontsize=7, ncols=3)
        figure.savefig(folder / "sizes.svg", metadata={"Date": None})


PARTS = {
    "peer": ("Beside a sign-in of django-allauth", peer),
    "bound": ("", None),
    "doors": ("Whole sign-ins", doors),
    "pages": ("Pages", pages),
    "sizes": ("The same with more taxpayers", sizes),
    "crowds": ("Many at once", crowds),
    "tables": ("What rows take", tables),
    "scanned": ("", scanned),
}


def main() -> None:
    """Put what was found between the marks of docs/benchmarks.md."""
    found = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    page = DOCS / "benchmarks.md"
    text = page.read_text(encoding="utf-8")
    for part, (_title, write) in PARTS.items():
        if write is None or part not in found:
            continue
        begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->"
        before, after = text.split(begin)[0], text.split(end)[1]
        text = f"{before}{begin}\n{write(found[part])}\n{end}{after}"
    if "bound" in found:
        bound = found["bound"]
        line = (
            f"{spread(bound['rate'], 1)} right passwords a second, {spread(bound['hashes'], 1)} hashes a second by all"
            f" cores in the same minute: a share of {spread(bound['share'])}."
        )
        before, after = text.split("<!-- bound -->\n")[0], text.split("<!-- end of bound -->")[1]
        text = f"{before}<!-- bound -->\n\n{line}\n\n<!-- end of bound -->{after}"
    page.write_text(text, encoding="utf-8")
    draw(found)


if __name__ == "__main__":
    main()
