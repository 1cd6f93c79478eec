"""Lines over a logarithmic axis of sizes, as SVG, without a library."""

import html
import math
from dataclasses import dataclass, field

WIDTH, HEIGHT = 760, 250  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 46, 46
COLOURS = ("#1f5fbf", "#c2571a", "#3a8a3a")
GOAL_COLOUR = "#999999"


@dataclass
class Panel:
    """lines and dots: {name: [(size, value), ...]}; both axes are logarithmic."""
    title: str
    unit: str
    lines: dict
    dots: dict = field(default_factory=dict)


def _decades(low, high):
    """1, 2 and 5 of each decade around [low, high]; the first is at most low, the last at least high."""
    steps = [m * 10.0 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
             for m in (1, 2, 5)]
    first = max((i for i, s in enumerate(steps) if s <= low * 1.0001), default=0)
    last = min((i for i, s in enumerate(steps) if s >= high * 0.9999), default=len(steps) - 1)
    return steps[first:max(last, first + 1) + 1]


def _number(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _panel(panel, top):
    points = [p for line in [*panel.lines.values(), *panel.dots.values()] for p in line if p[1] > 0]
    xs = _decades(min(x for x, _ in points), max(x for x, _ in points))
    ys = _decades(min(y for _, y in points), max(y for _, y in points))

    def place(x, y):
        def part(value, steps):
            return math.log(value / steps[0]) / math.log(steps[-1] / steps[0])
        return (LEFT + part(x, xs) * (WIDTH - LEFT - RIGHT),
                top + HEIGHT - BOTTOM - part(y, ys) * (HEIGHT - TOP - BOTTOM))

    def text(x, y, words, anchor="start", more=""):
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>'

    out = [text(LEFT, top + 26, f"{panel.title} [{panel.unit}]", more=' font-weight="bold"')]
    for x in xs:
        at, low = place(x, ys[0])
        high = place(x, ys[-1])[1]
        out.append(f'<path d="M{at:.1f} {low:.1f}V{high:.1f}" stroke="#dddddd"/>')
        out.append(text(at, low + 18, _number(x), "middle"))
    for y in ys:
        left, at = place(xs[0], y)
        right = place(xs[-1], y)[0]
        out.append(f'<path d="M{left:.1f} {at:.1f}H{right:.1f}" stroke="#dddddd"/>')
        out.append(text(left - 8, at + 4, _number(y), "end"))
    legend = top + TOP + 10
    for (name, line), colour in zip(panel.lines.items(), COLOURS):
        path = "L".join("{:.1f} {:.1f}".format(*place(*p)) for p in line if p[1] > 0)
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += ['<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>'.format(*place(*p), colour)
                for p in line if p[1] > 0]
        out.append(text(WIDTH - RIGHT + 14, legend, name, more=f' fill="{colour}"'))
        legend += 18
    for name, dots in panel.dots.items():
        out += ['<circle cx="{:.1f}" cy="{:.1f}" r="4" fill="none" stroke="{}" stroke-width="2"/>'.format(
            *place(*p), GOAL_COLOUR) for p in dots]
        out.append(text(WIDTH - RIGHT + 14, legend, name, more=f' fill="{GOAL_COLOUR}"'))
        legend += 18
    return out


def draw(path, title, panels):
    height = 40 + HEIGHT * len(panels) + 10
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
           f'height="{height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
           f'<text x="{LEFT}" y="28" font-size="15">{html.escape(title)}</text>']
    for i, panel in enumerate(panels):
        out += _panel(panel, 40 + i * HEIGHT)
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")
