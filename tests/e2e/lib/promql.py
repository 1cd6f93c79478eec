"""What an expression of PromQL looks at: names of metrics, with the matchers of their labels, and the labels that
it groups by. Whether it is well formed is promtool's to say."""

import re

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_:][\w:]*|[0-9][\w.]*|[{}()\[\]]|[=!]~|[!=<>]=|\S')
NAME = re.compile(r"^[A-Za-z_:][\w:]*$")
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}


def parse(expression):
    """([(metric, [(label, operator, value), ...]), ...], {labels grouped by})"""
    # Durations are in the way: [5m], [$__rate_interval].
    tokens = TOKEN.findall(re.sub(r"\[[^\]]*\]", "", expression))
    selectors, grouped, at = [], set(), 0
    while at < len(tokens):
        token = tokens[at]
        after = tokens[at + 1] if at + 1 < len(tokens) else ""
        if token in GROUPING and after == "(":
            end = tokens.index(")", at)
            grouped.update(t for t in tokens[at + 2:end] if t != ",")
            at = end
        elif NAME.match(token) and after not in GROUPING | {"("} and token not in GROUPING | WORDS:
            matchers = []
            if after == "{":
                end = tokens.index("}", at)
                inside = [t for t in tokens[at + 2:end] if t != ","]
                matchers = [(inside[i], inside[i + 1], inside[i + 2].strip('"')) for i in range(0, len(inside), 3)]
                at = end
            selectors.append((token, matchers))
        at += 1
    return selectors, grouped
