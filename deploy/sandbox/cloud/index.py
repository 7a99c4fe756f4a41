"""Notebooks in order of creation per view, so that a page of ten thousand costs no more than one of ten."""

from bisect import bisect_left, insort
from collections.abc import Sequence

from deploy.sandbox.cloud.model import Notebook

_Key = tuple[int, int]
_View = tuple[str | None, str, str]


class NotebookIndex:
    """Views by (owner or everybody, feature, workspace), each sorted by (create_at, order of arrival)."""

    def __init__(self) -> None:
        self.by_id: dict[str, Notebook] = {}
        self._keys: dict[str, _Key] = {}
        self._views: dict[_View, list[_Key]] = {}
        self._at: dict[_Key, Notebook] = {}
        self._arrived = 0

    def add(self, notebook: Notebook) -> None:
        self._arrived += 1
        key = (notebook.create_at, self._arrived)
        self.by_id[notebook.id] = notebook
        self._keys[notebook.id] = key
        self._at[key] = notebook
        for view in self._views_of(notebook):
            insort(self._views.setdefault(view, []), key)

    def remove(self, notebook: Notebook) -> None:
        key = self._keys.pop(notebook.id)
        del self.by_id[notebook.id], self._at[key]
        for view in self._views_of(notebook):
            keys = self._views[view]
            del keys[bisect_left(keys, key)]

    def view(self, owner_id: str | None, feature: str, workspace: str) -> "NotebookView":
        return NotebookView(self._views.get((owner_id, feature, workspace), []), self._at)

    @staticmethod
    def _views_of(notebook: Notebook) -> list[_View]:
        return [(owner, notebook.feature, notebook.workspace_id) for owner in (None, notebook.owner.id)]


class NotebookView:
    """One view; oldest first, as it is kept."""

    def __init__(self, keys: list[_Key], at: dict[_Key, Notebook]) -> None:
        self._keys = keys
        self._at = at

    def __len__(self) -> int:
        return len(self._keys)

    def all(self) -> list[Notebook]:
        return [self._at[key] for key in self._keys]

    def page(self, offset: int, limit: int, *, newest_first: bool) -> Sequence[Notebook]:
        """Looks at the page alone, however long the view is."""
        if newest_first:
            stop = len(self._keys) - offset
            keys = self._keys[max(stop - limit, 0) : max(stop, 0)][::-1]
        else:
            keys = self._keys[offset : offset + limit]
        return [self._at[key] for key in keys]
