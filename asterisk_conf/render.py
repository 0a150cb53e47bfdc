"""Fills in the configuration folders beside this file: every `@WORD@` is replaced, and none may be left over.

As a command it makes a whole PBX from the environment (`PBX_AMI_SECRET` stands for `@AMI_SECRET@`, and so on):

    python -m asterisk_conf.render /var/lib/dialer-pbx

Nothing but Python's own library is needed, so that it also runs where only an Asterisk is.
"""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath

CONF = Path(__file__).parent
FOLDERS = ("etc", "run", "log/cdr-custom", "spool", "lib", "db", "data")
PREFIX = "PBX_"
_WORD = re.compile(r"@([A-Z_]+)@")
_VALUE = re.compile(r"[!-:<-~]+")  # visible ASCII; a semicolon would begin a comment


class RenderError(Exception):
    """A word that has no value, or one that a configuration file cannot hold."""


def fill_in(text: str, variables: Mapping[str, str]) -> str:
    """`text` with every `@NAME@` replaced. An unknown name is an error, never left in place."""
    return _WORD.sub(lambda found: variables[found[1]], text)


def words(role: str) -> frozenset[str]:
    """Every word that the files of `role` ("pbx" or "far_end") ask for."""
    texts = (path.read_text(encoding="utf-8") for path in (CONF / role).glob("*.conf"))
    return frozenset(word for text in texts for word in _WORD.findall(text))


def render(role: str, variables: Mapping[str, str], target: Path, pattern: str = "*.conf") -> None:
    """Write the files of `asterisk_conf/<role>` that fit `pattern` to `target`, readable by its owner only."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for source in sorted((CONF / role).glob(pattern)):
        filled = target / source.name
        filled.touch(mode=0o600)
        filled.chmod(0o600)
        filled.write_text(fill_in(source.read_text(encoding="utf-8"), variables), encoding="utf-8")


def copy_sounds(target: Path) -> None:
    """Beside the folders of the languages, so that a channel of any language finds them."""
    shutil.copytree(CONF / "sounds", target, dirs_exist_ok=True)


def make_folders(state: Path) -> None:
    """What an instance writes to, and the way to the documentation that its modules ask for."""
    for name in FOLDERS:
        (state / name).mkdir(parents=True, exist_ok=True)
    documentation = state / "data" / "documentation"
    if not documentation.is_symlink():
        documentation.symlink_to("/usr/share/asterisk/documentation")


def pbx_variables(
    environment: Mapping[str, str], state: PurePath, modules: PurePath
) -> dict[str, str]:
    """The words of a PBX, from `PBX_<WORD>`. Raises RenderError, which names the variable and never its value."""
    own = {"STATE": str(state), "DATA": str(state / "data"), "MODULES": str(modules)}
    wanted = sorted(words("pbx") - own.keys())
    missing = [PREFIX + word for word in wanted if not environment.get(PREFIX + word)]
    if missing:
        raise RenderError(f"not set: {', '.join(missing)}")
    given = {word: environment[PREFIX + word] for word in wanted}
    for word, value in given.items():
        if not _VALUE.fullmatch(value):
            raise RenderError(f"{PREFIX}{word} may have visible ASCII characters but no semicolon")
    return own | given


def render_fresh_pbx(root: Path, state: PurePath, environment: Mapping[str, str]) -> None:
    """A PBX in `state`, as seen by an Asterisk whose file system begins at `root`. Raises RenderError."""
    found = sorted(root.glob("usr/lib/*/asterisk/modules"))
    if not found:
        raise RenderError(f"no Asterisk modules below {root}")
    modules = PurePath("/") / found[0].relative_to(root)
    variables = pbx_variables(environment, state, modules)
    folder = root / state.relative_to("/")
    make_folders(folder)
    render("pbx", variables, folder / "etc")
    copy_sounds(folder / "data" / "sounds")


def main() -> None:
    """`python -m asterisk_conf.render STATE [ROOT]`"""
    state = PurePath(sys.argv[1])
    root = Path(sys.argv[2]) if len(sys.argv) > 2 else Path("/")
    try:
        render_fresh_pbx(root, state, os.environ)
    except RenderError as error:
        sys.exit(f"asterisk_conf.render: {error}")


if __name__ == "__main__":
    main()
