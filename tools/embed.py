#!/usr/bin/env python3
"""Turns files into a C source: one array of `struct embedded_file`, and how many they are.

    embed.py --symbol berth_crds --header deploy/crds.h --out crds.c FILE...

A YAML file is stored as JSON (one document per file, same name with .json): the program then needs no
YAML to read its own parts. Everything else is stored as it is.
"""
import argparse
import json
import pathlib
import sys

COLUMNS = 24


def read(path):
    """The name and the bytes under which a file is stored."""
    if path.suffix not in (".yaml", ".yml"):
        return path.name, path.read_bytes()
    import yaml  # python3-yaml; only needed when there is YAML to convert

    documents = [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d is not None]
    if len(documents) != 1:
        sys.exit(f"embed.py: {path}: {len(documents)} documents, want one")
    text = json.dumps(documents[0], separators=(",", ":"), default=str)
    return path.with_suffix(".json").name, text.encode()


def rows(data):
    padded = data + b"\0"
    for at in range(0, len(padded), COLUMNS):
        yield "\t" + ",".join(str(b) for b in padded[at:at + COLUMNS]) + ","


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--symbol", required=True)
    parser.add_argument("--header", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    args = parser.parse_args()

    lines = ["/* Made by tools/embed.py. */", f'#include "{args.header}"', ""]
    entries = []
    for i, path in enumerate(args.files):
        name, data = read(path)
        lines += [f"static const unsigned char file_{i}[] = {{", *rows(data), "};", ""]
        entries.append(f'\t{{ {json.dumps(name)}, (const char *)file_{i}, {len(data)} }},')
    lines += [f"const struct embedded_file {args.symbol}[] = {{", *entries, "};",
              f"const size_t {args.symbol}_n = {len(entries)};", ""]
    args.out.write_text("\n".join(lines), encoding="ascii")


if __name__ == "__main__":
    main()
