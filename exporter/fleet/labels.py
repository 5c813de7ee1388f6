"""A label of its own for each workspace, from its name."""

import re
from collections.abc import Mapping

from exporter.fleet.key import Key

_BEHIND_NAME = re.compile(r" \(")


class Labels:
    """Labels of workspaces by name; a name that several share is followed by the id, `NAME (ID)`.

    Adding or dropping a workspace touches only those that share its name.
    """

    def __init__(self) -> None:
        self._names: dict[Key, str] = {}
        self._keys: dict[str, set[Key]] = {}
        self._touched: set[str] = set()
        self._added: set[Key] = set()

    def put(self, key: Key, name: str) -> None:
        """Add a workspace, or give it another name; one without a name goes by its id."""
        name = name or key.id
        if self._names.get(key) != name:
            self.drop(key)
            self._names[key] = name
            self._keys.setdefault(name, set()).add(key)
            self._added.add(key)
            self._touch(name, at=2)

    def drop(self, key: Key) -> None:
        """Forget a workspace."""
        name = self._names.pop(key, None)
        if name is not None:
            self._keys[name].discard(key)
            self._touch(name, at=1)
            if not self._keys[name]:
                del self._keys[name]

    def _touch(self, name: str, at: int) -> None:
        """Note whose labels may change: all of a name have their ids in them, or none has."""
        if len(self._keys.get(name, ())) <= at:
            self._touched.add(name)
            # One that is named as another is labelled makes that label longer, maybe several times.
            shorter = (name[: behind.start()] for behind in _BEHIND_NAME.finditer(name))
            self._touched.update(filter(self._keys.__contains__, shorter))

    def of(self, key: Key) -> str:
        """Return a workspace's label."""
        label = name = self._names[key]
        if key.id and len(self._keys[name]) > 1:
            label += f" ({key.id})"
        while label != name and label in self._keys:
            label += f" ({key.id})"
        return label

    def changed(self) -> Mapping[Key, str]:
        """Return the labels that may be others than when this was last asked."""
        touched, self._touched = self._touched, set()
        keys, self._added = self._added & self._names.keys(), set()
        keys |= {key for name in touched for key in self._keys.get(name, ())}
        return {key: self.of(key) for key in keys}


def labels_for(names: Mapping[Key, str]) -> dict[Key, str]:
    """Return a label of its own for each workspace, from its name; ids must differ."""
    labels = Labels()
    for key, name in names.items():
        labels.put(key, name)
    return {key: labels.of(key) for key in names}
