"""Opens a bundle and checks its files, with a progress bar for large ones."""

from __future__ import annotations

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.output import progress_bar


def check_content(bundle: ModelBundle) -> None:
    """Check every file of ``bundle``; raises what :meth:`ModelBundle.check_content` raises."""
    size = sum(path.stat().st_size for path in bundle.model_dir.rglob("*") if path.is_file())
    size *= 2 if bundle.container.model_data.form == "archive" else 1
    done = 0
    with progress_bar() as bar:

        def on_bytes(count: int) -> None:
            nonlocal done
            done += count
            bar("verifying", done, size)

        bundle.check_content(on_bytes=on_bytes)


def open_checked(path: str) -> ModelBundle:
    """The bundle at ``path``, as :meth:`ModelBundle.load` opens it."""
    bundle = ModelBundle.read(path)
    check_content(bundle)
    return bundle
