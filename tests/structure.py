#!/usr/bin/env python3
"""The arrows of DESIGN's layout, checked: `python3 tests/structure.py` from the repository's root.

- Files of a crate: no circle of `use` with more than two of them.
- Crates: no Burn below `network`, no Polars outside `results`.
- Features: `build`, `test` and `bench` select the same ones, so that no dependency is built twice.
- Length: no file above 300 lines, tests aside.

An arrow from file A to file B means that A names something that B defines. Re-exports are followed to
the file that defines the item, and so are globs. A path written through a re-exporting file is an
arrow to that file as well (`use crate::Isa` is one to lib.rs). Tests and comments do not count.
"""

import re
import subprocess
import sys
from pathlib import Path

LONGEST = 300

def blank(text):
    """Comments, strings and characters become spaces."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?\'(?:\\[^\']+|[^\'\\])\'', re.S)
    return token.sub(lambda m: re.sub(r'[^\n]', ' ', m[0]), text)

def block_end(text, start):
    depth = 0
    for at in range(start, len(text)):
        if text[at] in '{([':
            depth += 1
        elif text[at] in '})]':
            depth -= 1
            if depth == 0 and text[at] == '}':
                return at + 1
        elif text[at] == ';' and depth == 0:
            return at + 1
    return len(text)

def without_tests(text):
    pattern = re.compile(r'#\[cfg\((?:all\(\s*)?test\b[^\]]*\]')
    while m := pattern.search(text):
        end = block_end(text, m.end())
        text = text[:m.start()] + re.sub(r'[^\n]', ' ', text[m.start():end]) + text[end:]
    return text

def expand(tree):
    """`a::{b as c, d::*}` -> [(path, name)]"""
    tree = tree.strip()
    if '{' in tree:
        head, rest = tree.split('{', 1)
        inner = rest.rsplit('}', 1)[0]
        parts, depth, part = [], 0, ""
        for c in inner:
            depth += (c == '{') - (c == '}')
            if c == ',' and depth == 0:
                parts.append(part)
                part = ''
            else:
                part += c
        parts.append(part)
        return [x for p in parts if p.strip() for x in expand(head + p)]
    path, _, name = tree.partition(' as ')
    path = [p.strip() for p in path.split('::') if p.strip()]
    if path[-1] == 'self':
        path = path[:-1]
    return [(path, name.strip() or path[-1])]

class Module:
    def __init__(self, path, file):
        self.path, self.file = path, file
        self.children, self.uses, self.items = set(), {}, set()
        self.globs, self.text, self.exported = [], '', set()

def load(src):
    modules = {}
    def parse(path, file, text):
        module = modules[path] = Module(path, file)
        # Inline modules are modules of their own in the same file.
        for m in re.finditer(r'\bmod\s+(\w+)\s*\{', text):
            end = block_end(text, m.end() - 1)
            parse(path + (m[1],), file, text[m.end():end - 1])
            module.children.add(m[1])
            text = text[:m.start()] + re.sub(r'[^\n]', ' ', text[m.start():end]) + text[end:]
        for m in re.finditer(r'\bmod\s+(\w+)\s*;', text):
            base = file.parent if file.stem in ('lib', 'main', 'mod') else file.parent / file.stem
            for child in (base / f'{m[1]}.rs', base / m[1] / 'mod.rs'):
                if child.exists():
                    module.children.add(m[1])
                    parse(path + (m[1],), child, without_tests(blank(child.read_text())))
        def use(m):
            for full, name in expand(m[2]):
                if full[-1] == '*':
                    module.globs.append(full[:-1])
                else:
                    module.uses[name] = full
                    if m[1]:
                        module.exported.add(name)
            return re.sub(r'[^\n]', ' ', m[0])
        text = re.sub(r'(pub(?:\([^)]*\))?\s+)?\buse\s+([^;]+);', use, text)
        item = r'\b(?:struct|enum|union|trait|type|const\s+fn|fn|const|static|macro_rules!)\s+(\w+)'
        module.items = set(re.findall(item, text))
        module.text = text
    root = next(src / n for n in ('lib.rs', 'main.rs') if (src / n).exists())
    parse((), root, without_tests(blank(root.read_text())))
    return modules


def arrows(src):
    """File to the files that it names something of."""
    modules = load(src)
    edges = {}

    def resolve(module, path, seen=()):
        """The files that a path passes: those that re-export, and the one that defines."""
        if not path or (module.path, tuple(path)) in seen:
            return []
        seen = seen + ((module.path, tuple(path)),)
        head, rest = path[0], list(path[1:])
        if head in ("crate", "self", "super"):
            target = {"crate": (), "self": module.path, "super": module.path[:-1]}[head]
            if rest and rest[0] == "super":
                return resolve(modules[target], rest, seen)
            return inside(modules[target], rest, seen)
        if head in module.children:
            return inside(modules[module.path + (head,)], rest, seen)
        if head in module.uses and module.uses[head] != [head]:
            return resolve(module, module.uses[head] + rest, seen)
        return []

    def inside(module, path, seen):
        if not path:
            return [module.file]
        head = path[0]
        if head in module.children:
            return inside(modules[module.path + (head,)], path[1:], seen)
        if head in module.items:
            return [module.file]
        if head in module.uses:
            return [module.file] + resolve(module, module.uses[head] + list(path[1:]), seen)
        for glob in module.globs:
            found = resolve(module, list(glob) + list(path), seen)
            if found:
                return [module.file] + found
        return [module.file]

    for module in modules.values():
        out = edges.setdefault(module.file, set())
        names = list(module.uses.values()) + module.globs
        # Paths in the text: crate::…, super::…, self::…, child::…, imported::…
        in_text = re.finditer(r"(?<![\w:$])\w+(?:\s*::\s*\w+)+", module.text)
        names += [[part.strip() for part in match[0].split("::")] for match in in_text]
        for path in names:
            out.update(file for file in resolve(module, path) if file != module.file)
    return edges


def circles(edges):
    """Strongly connected components of more than two files (Tarjan)."""
    index, low, stack, held, found = {}, {}, [], set(), []

    def visit(file):
        index[file] = low[file] = len(index)
        stack.append(file)
        held.add(file)
        for other in edges.get(file, ()):
            if other not in index:
                visit(other)
                low[file] = min(low[file], low[other])
            elif other in held:
                low[file] = min(low[file], index[other])
        if low[file] == index[file]:
            component = []
            while file not in component:
                component.append(stack.pop())
                held.discard(component[-1])
            found.append(component)

    for file in sorted(edges):
        if file not in index:
            visit(file)
    return [component for component in found if len(component) > 2]


def tree(*arguments):
    """Packages with their features, as a set of lines."""
    command = ["cargo", "tree", "--prefix", "none", "--format", "{p}|{f}", *arguments]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {re.sub(r" \((\*|proc-macro)\)", "", line) for line in lines if "|" in line}


def check_files(faults):
    for src in sorted(Path("runner").glob("*/src")):
        for circle in circles(arrows(src)):
            names = ", ".join(sorted(str(file.relative_to(src)) for file in circle))
            faults.append(f"{src}: a circle of files: {names}")
    for file in sorted(Path("runner").glob("*/src/**/*.rs")):
        text = file.read_text()
        # A module of tests at the end is not what a reader has to get through.
        lines = text.split("\n#[cfg(test)]\nmod tests {")[0].count("\n")
        if lines > LONGEST and "test" not in file.stem:
            faults.append(f"{file}: {lines} lines, more than {LONGEST}")


def check_crates(faults):
    # The tables are the one place with Polars; the command line connects them with the network.
    allowed = {
        "burn": {"network", "learn", "explain", "bench", "cli"},
        "polars": {"results", "cli"},
    }
    for folder in sorted(Path("runner").iterdir()):
        name = re.search(r'name = "([^"]+)"', (folder / "Cargo.toml").read_text())[1]
        packages = {line.split()[0] for line in tree("-p", name, "-e", "normal")}
        for package, folders in allowed.items():
            if package in packages and folder.name not in folders:
                faults.append(f"{folder}: depends on {package}")


def check_features(faults):
    built = tree("--workspace", "-e", "normal,build")
    tested = tree("--workspace", "-e", "normal,build,dev")
    packages = {line.split("|")[0] for line in built}
    for line in sorted(tested - built):
        if line.split("|")[0] in packages:
            faults.append(f"tests select other features: {line}")


def main():
    sys.setrecursionlimit(10_000)
    faults = []
    check_files(faults)
    check_crates(faults)
    check_features(faults)
    for fault in faults:
        print(fault)
    print("structure:", f"{len(faults)} faults" if faults else "as it should be")
    sys.exit(bool(faults))


main()
