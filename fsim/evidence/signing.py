"""Ed25519 signatures over the head of a chain, by the library `cryptography`, which the extra `sign` brings.

The public key comes from outside the case: a key that lies inside proves nothing, whoever can write there can write
one. A signature in a case names its key by a digest, only to say which key is wanted.
"""

import hashlib
from pathlib import Path
from typing import Any

from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable, read_bytes

ALGORITHM = "Ed25519"
MAX_BYTES = 1 << 16  # Of a PEM file; one of Ed25519 has about 120.
NO_PRIVATE = "no Ed25519 private key in PEM without a password"
NO_PUBLIC = "no Ed25519 public key in PEM"


def message(head: dict[str, Any]) -> bytes:
  """What is signed: a line of text, so that other programs can check it too (docs/case.md)."""
  return f"fsim case: {head['records']} records, SHA-256 {head['sha256']}\n".encode()


def read_private(path: Path) -> Any:
  """The key to sign with. Raises Unreadable for what is no unencrypted Ed25519 private key in PEM."""
  serialization, ed25519 = _library()
  data = read_bytes(path, MAX_BYTES)
  try:
    key = serialization.load_pem_private_key(data, password=None)
  except (ValueError, TypeError, _unsupported()) as error:  # TypeError: it has a password.
    raise Unreadable(path, NO_PRIVATE) from error
  if not isinstance(key, ed25519.Ed25519PrivateKey):
    raise Unreadable(path, NO_PRIVATE)
  return key


def read_public(path: Path) -> Any:
  """The key to check with. Raises Unreadable for what is no Ed25519 public key in PEM."""
  serialization, ed25519 = _library()
  data = read_bytes(path, MAX_BYTES)
  try:
    key = serialization.load_pem_public_key(data)
  except (ValueError, _unsupported()) as error:
    raise Unreadable(path, NO_PUBLIC) from error
  if not isinstance(key, ed25519.Ed25519PublicKey):
    raise Unreadable(path, NO_PUBLIC)
  return key


def sign(key: Any, head: dict[str, Any]) -> dict[str, str]:
  """The field `signature` of case.json."""
  return {"algorithm": ALGORITHM, "key": digest(key.public_key()), "value": key.sign(message(head)).hex()}


def fault(key: Any, head: dict[str, Any], signature: dict[str, str] | None) -> str | None:
  """Why this signature of the head is not by the public key, None if it is."""
  from cryptography.exceptions import InvalidSignature

  if signature is None:
    return "not signed"
  if signature["key"] != digest(key):
    return f"signed by another key than the one given (SHA-256 {signature['key'][:12]}, not {digest(key)[:12]})"
  try:
    key.verify(bytes.fromhex(signature["value"]), message(head))
  except InvalidSignature:
    return "its signature is not by the key given, or of another chain"
  return None


def digest(public: Any) -> str:
  """SHA-256 of a public key: `openssl pkey -pubin -in public.pem -outform DER | sha256sum`."""
  serialization, _ = _library()
  form = serialization.PublicFormat.SubjectPublicKeyInfo
  return hashlib.sha256(public.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def _library() -> tuple[Any, Any]:
  try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519
  except ImportError as error:
    raise UserError("signatures need the library cryptography: install forensic-fsim[sign]") from error
  return serialization, ed25519


def _unsupported() -> type[Exception]:
  from cryptography.exceptions import UnsupportedAlgorithm

  return UnsupportedAlgorithm
