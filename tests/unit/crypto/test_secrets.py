"""Every multiplication by a secret takes the constant-time way: a secret is followed through the whole path.

Where secrets are born they become ``Secret``, an integer whose sums, products, remainders and inverses are ``Secret``
too. The backend is watched: none may come to what takes a time that depends on the scalar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from tests.property.scene import DOMAIN, Scene, address, bad_fragments, identity, metadata
from tpre_offchain.crypto import complaint, hashing, kfrag, polynomial, pre, proofs
from tpre_offchain.crypto.curve import R, Z, available_backends, g1, libraries, msm, using_backend
from tpre_offchain.crypto.keys import prove_key
from tpre_offchain.types import Slot

CONSTANT_TIME = [name for name in ("mcl", "blst") if name in available_backends()]
pytestmark = pytest.mark.skipif(not CONSTANT_TIME, reason="ckzg exports no blst here")


class Secret(int):
    """An integer that stays marked, whatever is computed of it."""


def _marked(name: str) -> Callable[..., Any]:
    plain = getattr(int, name)

    def operation(*operands: Any) -> Any:
        found = plain(*operands)
        return Secret(found) if isinstance(found, int) else found

    return operation


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "mod", "rmod", "floordiv", "neg", "pow", "and", "xor"):
    setattr(Secret, f"__{_name}__", _marked(f"__{_name}__"))


@dataclass
class Watch:
    """What the backend was asked for."""

    betrayed: list[str] = field(default_factory=list)
    kept: int = 0
    public: int = 0

    def saw(self, operation: str, scalars: Sequence[int]) -> None:
        self.public += len(scalars)
        if any(isinstance(scalar, Secret) for scalar in scalars):
            self.betrayed.append(operation)


@pytest.fixture(params=CONSTANT_TIME)
def watch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    backend: Any = libraries.load(request.param)
    group, watch = type(backend.g1), Watch()
    multiply, total, kept, power = group.multiply, group.msm, group.multiply_secret, type(backend).gt_power

    def multiplied(self: Any, point: Any, scalar: int) -> Any:
        watch.saw(f"multiply in {self.name}", [scalar])
        return multiply(self, point, scalar)

    def summed(self: Any, points: Sequence[Any], scalars: Sequence[int]) -> Any:
        watch.saw(f"msm in {self.name}", scalars)
        return total(self, points, scalars)

    def multiplied_secretly(self: Any, point: Any, scalar: int) -> Any:
        watch.kept += isinstance(scalar, Secret)
        return kept(self, point, scalar)

    def raised(self: Any, base: Any, exponent: int) -> Any:
        watch.saw("gt_power", [exponent])
        return power(self, base, exponent)

    monkeypatch.setattr(group, "multiply", multiplied)
    monkeypatch.setattr(group, "msm", summed)
    monkeypatch.setattr(group, "multiply_secret", multiplied_secretly)
    monkeypatch.setattr(type(backend), "gt_power", raised)
    _mark_where_born(monkeypatch)
    # a result that is remembered is not computed
    pre._unblinded.cache_clear()
    with using_backend(request.param):
        yield watch
    pre._unblinded.cache_clear()


def _mark_where_born(monkeypatch: pytest.MonkeyPatch) -> None:
    def mark(module: Any, name: str) -> None:
        plain = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, **named: Secret(plain(*given, **named)))

    # keys, k and nonces; coefficients; e; fragments
    mark(hashing, "reduce")
    mark(polynomial, "random_scalar")
    mark(kfrag, "random_scalar")
    mark(kfrag, "unmask_fragment")
    # a proof's response hides the secret and is published
    made = proofs.Proof
    monkeypatch.setattr(proofs, "Proof", lambda challenge, response: made(int(challenge), int(response)))


def walk(seeded: Random) -> None:
    """Everything that owner, device, proxies and user do with secrets."""
    random = seeded.randbytes
    scene = Scene(2, 3, seed=seeded.randrange(1 << 32))
    keys = (identity("owner").delegating_key(), scene.receiving_key, scene.proxies[0])
    for key in keys:
        prove_key(DOMAIN, address("account"), key, random)
    capsules = [scene.capsule(i) for i in range(2)]
    for batch in (capsules[:1], capsules):
        result = scene.convert((1, 3), batch)
        for capsule, point in zip(batch, result.points, strict=True):
            assert scene.open(capsule, point).name in {"0.csv", "1.csv"}
    opened = pre.decrypt_original(scene.label_secret, capsules[0].context, capsules[0].capsule)
    assert opened == metadata("0.csv")
    with bad_fragments():
        rekey = pre.generate_kfrags(scene.label_secret, scene.receiving_key.public, scene.grant_context, random)
    bound = pre.bind_rekey(scene.grant_context, scene.label_key, rekey)
    made = pre.prove_complaint(bound, Slot(2), scene.proxies[1], random)
    assert complaint.verify_complaint(bound, made).upheld


def test_multiply__by_secrets_on_the_whole_path__is_in_constant_time(watch: Watch, seeded: Random) -> None:
    walk(seeded)
    assert watch.betrayed == []
    # keys and proofs alone are some twenty; what is checked needs no secrets
    assert watch.kept > 60
    assert watch.public > 30


@pytest.mark.parametrize(
    ("betray", "name"),
    [
        (lambda secret: g1() * secret, "multiply in G1"),
        (lambda secret: g1() * -pow(secret, -1, R), "multiply in G1"),
        (lambda secret: msm([g1(), g1() * 2], [1, 5 + secret * 3 % R]), "msm in G1"),
        (lambda secret: Z() ** (secret - 1), "gt_power"),
    ],
)
def test_watch__secret_in_variable_time__is_seen(watch: Watch, betray: Callable[[int], object], name: str) -> None:
    secret = hashing.identity_scalar(bytes(32), "delegating", 1)
    betray(secret)
    assert watch.betrayed == [name]
