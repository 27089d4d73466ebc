"""A file of a package at the npm registry, fetched without npm: one request, held against a pinned digest, unpacked."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import ssl
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tpre_offchain.cli.fetch.cache import cache_folder, find_kept, keep
from tpre_offchain.cli.fetch.registry import registry_of
from tpre_offchain.cli.progress import progress_on
from tpre_offchain.errors import TpreError

if TYPE_CHECKING:
    import httpx

SILENCE_S: Final = 30.0
"""How long a registry may say nothing."""
MAX_UNPACKED: Final = 256 * 1024 * 1024
_CHUNK: Final = 1 << 16
# certificate authorities that npm and pip are told of; httpx itself looks for SSL_CERT_FILE and SSL_CERT_DIR
_AUTHORITIES: Final = ("npm_config_cafile", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "PIP_CERT")


class RegistryUnreachable(TpreError):
    """No answer, half of one, or that of a server in trouble."""

    default_retryable = True


class RegistryRefused(TpreError):
    """The registry does not hand the package out, or its address makes no sense."""


class WrongPackage(TpreError):
    """What came is not what was pinned."""


@dataclass(frozen=True)
class NpmTarball:
    """One file of a published package. ``integrity`` is npm's: ``sha512-`` and base64, of the packed ``size`` bytes.

    ``file``: its path in the package. ``without``: what to do where it cannot be fetched.
    """

    name: str
    version: str
    integrity: str
    size: int
    file: str
    without: str

    @property
    def label(self) -> str:
        """``anvil-linux-amd64-1.7.1``: of its file at the registry, and of its folder in the cache."""
        return f"{self.name.rpartition('/')[2]}-{self.version}"

    def find(self) -> Path | None:
        """The file, where it has been fetched before. Raises ``CacheUnusable``."""
        kept = find_kept(self.label)
        return None if kept is None else kept / self.file

    def fetch(self) -> Path:
        """The file in the cache, executable; fetched first if it is not there.

        Raises ``RegistryUnreachable``, ``RegistryRefused``, ``WrongPackage``, ``CacheUnusable``.
        """
        return self.find() or keep(self.label, self._fetch_into) / self.file

    def _fetch_into(self, folder: Path) -> None:
        packed = folder / "package.tgz"
        _download(self, packed)
        _unpack(self, packed, folder / self.file)
        packed.unlink()


def _download(package: NpmTarball, packed: Path) -> None:
    import httpx

    authorities = _authorities()
    try:
        url = httpx.URL(f"{registry_of(package.name)}/{package.name}/-/{package.label}.tgz")
        click.echo(
            f"fetching {package.label} ({package.size / 1e6:.1f} MB) from {url.host}, once, into {cache_folder()}",
            err=True,
        )
        with httpx.stream(
            "GET",
            url,
            # the bytes as they were published: whatever a server would pack them in has another digest
            headers={"Accept-Encoding": "identity"},
            verify=authorities,
            timeout=SILENCE_S,
            follow_redirects=True,
        ) as answer:
            if answer.status_code != httpx.codes.OK:
                kind = RegistryUnreachable if answer.is_server_error else RegistryRefused
                raise kind(f"{url.host} answers {answer.status_code} for {package.label}", hint=package.without)
            _write(package, answer, packed)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as problem:
        raise RegistryRefused(f"no address to fetch {package.label} from: {problem}", hint=package.without) from problem
    except httpx.HTTPError as problem:
        what = f"{package.label} cannot be fetched from {url.host}: {str(problem) or type(problem).__name__}"
        raise RegistryUnreachable(what, hint=package.without) from problem


def _write(package: NpmTarball, answer: httpx.Response, packed: Path) -> None:
    digest, done = hashlib.sha512(), 0
    on_progress = progress_on(shown=sys.stderr.isatty())
    with packed.open("xb") as file:
        for chunk in answer.iter_raw(_CHUNK):
            done += len(chunk)
            if done > package.size:
                break
            digest.update(chunk)
            file.write(chunk)
            on_progress(package.label, done, package.size)
    found = "sha512-" + base64.b64encode(digest.digest()).decode()
    if done != package.size or found != package.integrity:
        size = f"{done} of" if done <= package.size else "more than"
        raise WrongPackage(
            f"{answer.url.host} sends something else as {package.label}: {size} {package.size} bytes, {found}",
            hint=f"nothing of it was used. {package.without}",
        )


def _unpack(package: NpmTarball, packed: Path, target: Path) -> None:
    """Write the one file, for its owner alone. No name, mode or link of the archive is followed."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tarfile.open(packed, "r:gz") as archive, target.open("xb") as file:
        found = next((one for one in archive if one.name == f"package/{package.file}" and one.isreg()), None)
        content = None if found is None or found.size > MAX_UNPACKED else archive.extractfile(found)
        if content is None:
            raise WrongPackage(f"{package.label} has no file {package.file} of at most {MAX_UNPACKED} bytes")
        shutil.copyfileobj(content, file)
        file.flush()
        os.fchmod(file.fileno(), 0o700)
        os.fsync(file.fileno())  # a name in the cache is never that of half a file, even after a power cut


def _authorities() -> ssl.SSLContext:
    """httpx's choice, the system's, npm's and pip's: what vouches for the bytes is the digest."""
    import httpx

    try:
        context = httpx.create_ssl_context()
        context.load_default_certs()
        for name in _AUTHORITIES:
            file = Path(os.environ.get(name, ""))
            if file.is_file():
                context.load_verify_locations(file)
    except OSError as problem:
        hint = f"look at {', '.join(('SSL_CERT_FILE', 'SSL_CERT_DIR', *_AUTHORITIES))}"
        raise RegistryRefused(f"certificate authorities cannot be read: {problem}", hint=hint) from problem
    return context
