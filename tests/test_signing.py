"""Who signed a chain's head is told by a key from outside the case, and by nothing inside it."""

import builtins
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
  BestAvailableEncryption,
  Encoding,
  NoEncryption,
  PrivateFormat,
  PublicFormat,
)

from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.evidence import signing

HEAD = {"records": 3, "sha256": "ab" * 32}


def keys(folder, name="key", key=None, lock=None):
  """The paths of a private and a public key."""
  key = key or ed25519.Ed25519PrivateKey.generate()
  private, public = folder / f"{name}.pem", folder / f"{name}.public.pem"
  private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock or NoEncryption()))
  public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
  return private, public


@pytest.fixture
def pair(tmp_path):
  private, public = keys(tmp_path)
  return signing.read_private(private), signing.read_public(public)


def test_a_signature_holds_for_its_head_and_key_alone(pair, tmp_path):
  private, public = pair
  signature = signing.sign(private, HEAD)
  assert signing.fault(public, HEAD, signature) is None
  assert signing.fault(public, HEAD, None) == "not signed"
  told = "its signature is not by the key given, or of another chain"
  assert signing.fault(public, HEAD | {"records": 2}, signature) == told
  assert signing.fault(public, HEAD | {"sha256": "cd" * 32}, signature) == told
  assert signing.fault(public, HEAD, signature | {"value": "00" * 64}) == told


def test_a_signature_by_another_key_is_found_even_where_it_names_the_key_given(pair, tmp_path):
  _, public = pair
  other = signing.read_private(keys(tmp_path, "other")[0])
  signature = signing.sign(other, HEAD)
  assert "signed by another key than the one given" in signing.fault(public, HEAD, signature)
  forged = signature | {"key": signing.digest(public)}
  assert "not by the key given" in signing.fault(public, HEAD, forged)


def test_what_is_no_such_key_is_named(tmp_path):
  private, public = keys(tmp_path)
  other = keys(tmp_path, "rsa", rsa.generate_private_key(65537, 2048))
  locked, _ = keys(tmp_path, "locked", lock=BestAvailableEncryption(b"secret"))
  (tmp_path / "text.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
  for path in (public, other[0], locked, tmp_path / "text.pem"):
    with pytest.raises(Unreadable, match="no Ed25519 private key in PEM without a password"):
      signing.read_private(path)
  for path in (private, other[1], tmp_path / "text.pem"):
    with pytest.raises(Unreadable, match="no Ed25519 public key in PEM"):
      signing.read_public(path)
  with pytest.raises(Unreadable, match="No such file"):
    signing.read_public(tmp_path / "absent.pem")


def test_without_the_library_it_is_said_which(monkeypatch, tmp_path):
  _, public = keys(tmp_path)
  real = builtins.__import__

  def without(name, *rest):
    if name.startswith("cryptography"):
      raise ImportError(name)
    return real(name, *rest)

  monkeypatch.setattr(builtins, "__import__", without)
  with pytest.raises(UserError, match=r"install forensic-fsim\[sign\]"):
    signing.read_public(public)


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the program openssl")
def test_the_commands_of_the_docs_make_keys_and_check_a_signature(tmp_path):
  def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], cwd=tmp_path, capture_output=True, check=True).stdout

  openssl("genpkey", "-algorithm", "ed25519", "-out", "private.pem")
  openssl("pkey", "-in", "private.pem", "-pubout", "-out", "public.pem")
  signature = signing.sign(signing.read_private(tmp_path / "private.pem"), HEAD)
  assert signing.fault(signing.read_public(tmp_path / "public.pem"), HEAD, signature) is None
  (tmp_path / "message").write_bytes(signing.message(HEAD))
  (tmp_path / "signature").write_bytes(bytes.fromhex(signature["value"]))
  rest = ("-inkey", "public.pem", "-rawin", "-in", "message", "-sigfile", "signature")
  assert b"Verified Successfully" in openssl("pkeyutl", "-verify", "-pubin", *rest)
