"""What an audit found: one finding for each check, all of them, whether they hold or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tpre_offchain.errors import CryptoError, ProtocolError, VerificationError


class AuditFailed(VerificationError):
    """A check of an audit does not hold."""


@dataclass(frozen=True)
class Finding:
    """One check: what was checked, and why it fails; ``problem`` is None if it holds."""

    subject: str
    check: str
    problem: str | None = None
    culprit: str | None = None

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return self.problem is None


@dataclass
class Findings:
    """Collects findings of one audit."""

    found: list[Finding] = field(default_factory=list)

    @contextmanager
    def check(self, subject: str, check: str) -> Iterator[None]:
        """Note that a check holds, or the error of ours with which it fails; what follows goes on without it."""
        try:
            yield
        except (CryptoError, ProtocolError) as problem:
            self.found.append(Finding(subject, check, problem.message, problem.culprit))
        else:
            self.found.append(Finding(subject, check))

    def report(self) -> AuditReport:
        """What was found."""
        return AuditReport(tuple(self.found))


@dataclass(frozen=True)
class AuditReport:
    """All findings of an audit, in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every check holds, and there was one."""
        return bool(self.findings) and all(finding.holds for finding in self.findings)

    def require(self) -> None:
        """Raises ``AuditFailed`` with the first check that does not hold."""
        for finding in self.findings:
            if not finding.holds:
                raise AuditFailed(f"{finding.subject}: {finding.check}: {finding.problem}", culprit=finding.culprit)


def require(holds: bool, otherwise: str, culprit: str | None = None) -> None:
    """Raises ``AuditFailed``."""
    if not holds:
        raise AuditFailed(otherwise, culprit=culprit)
