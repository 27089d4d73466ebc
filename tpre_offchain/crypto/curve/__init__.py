"""BLS12-381: values of its groups, sums and pairings, over whichever curve library is installed (SCHEME §1)."""

from tpre_offchain.crypto.curve.backend import R
from tpre_offchain.crypto.curve.encoding import SCALAR_BYTES, decode_scalar, encode_scalar
from tpre_offchain.crypto.curve.libraries import active_backend, available_backends, using_backend
from tpre_offchain.crypto.curve.operations import (
    G1_BYTES,
    G1_EVM,
    G2_BYTES,
    G2_EVM,
    GT_BYTES,
    H2,
    Z,
    encode_to_g1,
    g1,
    g2,
    msm,
    multi_pairing,
    pairing,
    pairing_product_is_one,
    z_to_secret,
)
from tpre_offchain.crypto.curve.values import G1, G2, GT

__all__ = [
    "G1",
    "G1_BYTES",
    "G1_EVM",
    "G2",
    "G2_BYTES",
    "G2_EVM",
    "GT",
    "GT_BYTES",
    "H2",
    "SCALAR_BYTES",
    "R",
    "Z",
    "active_backend",
    "available_backends",
    "decode_scalar",
    "encode_scalar",
    "encode_to_g1",
    "g1",
    "g2",
    "msm",
    "multi_pairing",
    "pairing",
    "pairing_product_is_one",
    "using_backend",
    "z_to_secret",
]
