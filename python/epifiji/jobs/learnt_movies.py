"""Movies known by their content: those on which a network was trained, and those that are given twice under other names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.network import Description, LearntMovie, NetworkDescription
from epifiji.files.movies.movie_file import file_sha256, is_there


@dataclass(frozen=True)
class KnownMovie:
    """A movie, an image or a volume, identified by its content; its name may have changed since the training."""

    movie: Image

    @cached_property
    def file_sha256(self) -> str | None:
        """SHA-256 of its file."""
        path = self.movie.path
        return None if path is None or not is_there(path) else file_sha256(path)

    @cached_property
    def pixels_sha256(self) -> str:
        """SHA-256 of its pixels, with their shape and type."""
        return self.movie.sha256()

    def learnt(self) -> LearntMovie:
        """Return the entry for a network's description."""
        return LearntMovie(name=self.movie.name[:1000], file_sha256=self.file_sha256, pixels_sha256=self.pixels_sha256)

    def is_one_of(self, movies: Iterable[LearntMovie]) -> bool:
        """Return whether a network was trained on it; pixels are read only if its file is not the same."""
        movies = tuple(movies)
        if not movies:
            return False
        files = {one.file_sha256 for one in movies} - {None}
        return self.file_sha256 in files or self.pixels_sha256 in {one.pixels_sha256 for one in movies}


def require_each_once(movies: Iterable[tuple[str, str | None]], what: str = "movie") -> None:
    """Refuse two movies with the same content: their events are the same ones, so numbers would look surer than they are.

    Parameters
    ----------
    movies
        Name or place of each, and a hash of its pixels or its file; None if it is not known.
    what
        What they are called.

    Raises
    ------
    WrongInputError
        If two have the same hash.
    """
    seen: dict[str, str] = {}
    for name, known in movies:
        if known is not None and known in seen:
            raise WrongInputError(
                f"{seen[known]} and {name} are of the same {what}, but each {what} counts once: leave one of them out."
            )
        if known is not None:
            seen[known] = name


def with_learnt(description: Description, movies: Iterable[Image], parent: NetworkDescription | None) -> Description:
    """Add movies to those in a network's description, after those of its parent; the last thousand are kept."""
    new = [KnownMovie(movie).learnt() for movie in movies]
    every = (*(parent.learnt_from if parent else ()), *new)
    return description.model_copy(update={"learnt_from": tuple(dict.fromkeys(every))[-1000:]})
