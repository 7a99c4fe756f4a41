"""Walk over the pages of a list whose records move while one reads. Source: API digest, section 12.

Pages overlap by one record. If the first record of a page was not seen before, something ahead of it was deleted
and a record may have slipped past: the walk steps back. The end is known by page, never by `total` (which may only
make it look once more). At last, unless the count agrees with `total`, the first page is read again for what was
made or moved to the front meanwhile.
"""

from collections.abc import Awaitable, Callable

from bot.cloud.wire import Page
from bot.errors import CloudDown, CloudGarbled, CloudMisconfigured, CloudNotFound, CloudThrottled
from bot.model import Notebook

PAGE = 50
_MOST_PAGES = 4_000
_MOST_STEPS_BACK = 40
_MOST_BARREN = 3

Fetch = Callable[[int], Awaitable[Page]]


async def walk(fetch: Fetch) -> tuple[tuple[Notebook, ...], bool]:
    """All notebooks, and whether that is surely all of them.

    Raises what `fetch` raised if not even one page could be read, or if a page was refused rather than lost.
    """
    course = _Walk(fetch)
    await course.forward()
    if course.pages > 1 and course.complete and course.total != len(course.seen):
        await course.forward(until_known=True)
    return tuple(course.seen.values()), course.complete


class _Walk:
    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self.seen: dict[str, Notebook] = {}
        self.complete = True
        self.pages = 0
        self.total: int | None = None
        self._unreadable = 0
        self._steps_back = 0

    async def forward(self, until_known: bool = False) -> None:
        """Read from the start to the end, or to the first page that holds nothing new."""
        offset, barren, overlaps = 0, 0, False
        while self.pages < _MOST_PAGES:
            page = await self._page(offset)
            if page is None:
                if until_known or not overlaps:
                    return  # two failures in a row: leave it at that
                offset, overlaps = offset + PAGE - 1, False
                continue
            gap = overlaps and (page.records == 0 or (page.first != "" and page.first not in self.seen))
            fresh = self._take(page)
            if gap and self._may_step_back():
                offset = max(0, offset - PAGE + 1)
                overlaps = offset > 0
                continue
            barren = 0 if fresh else barren + 1
            if self._is_end(page, fresh, barren) or (until_known and not fresh):
                return
            offset, overlaps = offset + max(1, page.records - 1), page.records > 1
        self.complete = False

    async def _page(self, offset: int) -> Page | None:
        try:
            page = await self._fetch(offset)
        except (CloudDown, CloudThrottled, CloudGarbled):
            if not self.pages:
                raise
            self.complete = False
            self.pages += 1
            return None
        except CloudNotFound as exc:  # a list is not a notebook that can be gone
            raise CloudMisconfigured(
                "There is no notebook list at this address",
                status=exc.status,
                code=exc.code,
                request_id=exc.request_id,
            ) from exc
        self.pages += 1
        self.total = page.total
        return page

    def _take(self, page: Page) -> int:
        before = len(self.seen)
        self.seen.update((notebook.id, notebook) for notebook in page.notebooks)
        if page.unreadable:
            self._unreadable += page.unreadable
            self.complete = False
        return len(self.seen) - before

    def _may_step_back(self) -> bool:
        self._steps_back += 1
        if self._steps_back <= _MOST_STEPS_BACK:
            return True
        self.complete = False
        return False

    def _is_end(self, page: Page, fresh: int, barren: int) -> bool:
        if barren >= _MOST_BARREN:
            self.complete = False
            return True
        if page.records >= PAGE:
            return False
        more_promised = page.total is not None and page.total > len(self.seen) + self._unreadable
        return not (more_promised and fresh)
