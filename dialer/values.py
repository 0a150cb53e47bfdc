"""`value`: dataclasses that are made many times in every decision.

A frozen dataclass sets each of its fields by object.__setattr__, which costs four times a plain assignment. These are frozen for
the type checker, which sees dataclasses.dataclass, and plain where they run.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    from dataclasses import dataclass

    def value(*, frozen: bool, **options: bool):
        """Only to be used with frozen=True; the other options are those of dataclasses.dataclass."""
        assert frozen
        return dataclass(**options)


__all__ = ["value"]
