"""An image with AWS's generic serving toolkit and Multi Model Server in it, made from this machine's Python and Java.

The packages are those of the environment in which the toolkit is tested without an image.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.containers.docker_base import BASE_IMAGE, make_base_image, run_docker
from tests.containers.environments import packages_of
from tests.containers.mms import ENVIRONMENT, MULTI_MODEL_SERVER

IMAGE = "cdk-modelbuilder-tests/mms:local"
_UNUSED = ("polars", "_polars", "pyarrow", "pandas", "PIL", "pillow", "pydantic", "__pycache__", "below")
_JAVA_UNUSED = ("jmods", "docs", "legal", "man", "src.zip", "include")
_SERVE = """\
#!/usr/bin/python3
from sagemaker_inference import model_server

model_server.start_model_server()
"""
_DOCKERFILE = f"""\
FROM {BASE_IMAGE}
COPY libraries /
COPY java /opt/java
COPY packages /opt/packages
COPY programs /usr/local/bin
ENV PATH=/opt/java/bin:/usr/local/bin:/usr/bin:/bin TEMP=/tmp
ENV PYTHONPATH=/opt/packages:/usr/local/lib/python PYTHONDONTWRITEBYTECODE=1
LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true
EXPOSE 8080
ENTRYPOINT ["python", "/usr/local/bin/toolkit"]
CMD ["serve"]
"""


@functools.cache
def make_mms_image(folder: Path) -> str:
    """The image's name; ``folder`` is where its build context is put together."""
    make_base_image()
    packages = packages_of(ENVIRONMENT.python().parents[1])
    shutil.copytree(packages, folder / "packages", ignore=_beginning_with(_UNUSED), copy_function=os.link)
    java = Path(shutil.which("java") or "").resolve().parents[1]
    shutil.copytree(java, folder / "java", ignore=_beginning_with(_JAVA_UNUSED))
    programs = {"toolkit": _SERVE, "multi-model-server": f"#!/usr/bin/python3\n{MULTI_MODEL_SERVER}"}
    (folder / "programs").mkdir()
    for name, source in programs.items():
        (folder / "programs" / name).write_text(source)
        (folder / "programs" / name).chmod(0o755)
    (folder / "programs" / "python").symlink_to("/usr/bin/python3")
    for library in _libraries(folder / "java"):
        place = folder / "libraries" / library.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library, place)
        place.chmod(0o755)
    (folder / "libraries" / "tmp").mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    run_docker("build", "--tag", IMAGE, folder)
    return IMAGE


def _libraries(java: Path) -> set[Path]:
    found = set()
    for binary in [java / "bin" / "java", *java.rglob("*.so")]:
        listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
        found |= {Path(path) for path in re.findall(r"=> (/\S+) \(0x", listed)}
    return {path for path in found if not path.is_relative_to(java)}


def _beginning_with(names: tuple[str, ...]):
    return lambda _, found: [name for name in found if name.startswith(names)]
