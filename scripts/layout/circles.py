"""Finds circles in a graph of files, and the items that would have to move to dissolve them."""


def components(arrows):
    """The sets of files that all reach one another, sorted. Tarjan's algorithm, with a stack instead of recursion."""
    onward = {}
    for source, target in sorted(arrows):
        onward.setdefault(source, []).append(target)
        onward.setdefault(target, [])
    number, low, open_files, found = {}, {}, [], []

    def enter(file):
        number[file] = low[file] = len(number)
        open_files.append(file)
        return file, iter(onward[file])

    for start in sorted(onward):
        work = [] if start in number else [enter(start)]
        while work:
            file, targets = work[-1]
            for target in targets:
                if target not in number:
                    work.append(enter(target))
                    break
                if target in open_files:
                    low[file] = min(low[file], number[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[file])
                if low[file] == number[file]:
                    at = open_files.index(file)
                    if len(open_files) - at > 1:
                        found.append(sorted(open_files[at:]))
                    del open_files[at:]
    return sorted(found)


def within(component, arrows):
    """The arrows between the files of a component."""
    return {edge: names for edge, names in arrows.items() if edge[0] in component and edge[1] in component}


def shortest(component, arrows):
    """A shortest circle in a component: its files in order, the first once more at the end."""
    onward = {file: sorted(target for source, target in within(component, arrows) if source == file) for file in component}
    best = None
    for start in component:
        before, queue = {start: None}, [start]
        for file in queue:
            if start in onward[file]:
                circle = [start]
                while file is not None:
                    circle.append(file)
                    file = before[file]
                best = circle[::-1] if best is None or len(circle) < len(best) else best
                break
            fresh = [target for target in onward[file] if target not in before]
            before.update((target, file) for target in fresh)
            queue += fresh
    return best


def drawn(circle, arrows, limit=3):
    """A circle as text: `a.rs -> b.rs (Name) -> a.rs (Other)`."""
    text = circle[0]
    for source, target in zip(circle, circle[1:]):
        names = sorted(arrows[source, target])
        more = f" and {len(names) - limit} more" if len(names) > limit else ""
        text += f" -> {target} ({', '.join(names[:limit])}{more})"
    return text


def backward(component, arrows):
    """Few arrows without which a component is no circle, by the number of items to move. A local search: not always the fewest."""
    inner = within(component, arrows)

    def against(order):
        place = {file: at for at, file in enumerate(order)}
        return {edge: names for edge, names in inner.items() if place[edge[0]] < place[edge[1]]}

    def cost(order):
        return len({(target, name) for (_, target), names in against(order).items() for name in names})

    # From what is mostly used to what mostly uses; then each file moves to the best place until nothing improves.
    best = sorted(component, key=lambda file: sum(edge[0] == file for edge in inner) - sum(edge[1] == file for edge in inner))
    improved = True
    while improved:
        improved = False
        for file in component:
            rest = [other for other in best if other != file]
            order = min(([*rest[:at], file, *rest[at:]] for at in range(len(best))), key=cost)
            if cost(order) < cost(best):
                best, improved = order, True
    return against(best)
