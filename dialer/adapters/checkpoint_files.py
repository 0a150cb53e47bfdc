"""Checkpoints of the ledger as files, signed with Ed25519 (RFC 8032).

The private key belongs to the person who takes checkpoints, not on the machine with the database; the public key is for whoever
verifies. A file holds the text that was signed, the signature, and the public key's own digest, which says which key to take.
"""

import hashlib
import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from dialer.errors import ConflictError, InvalidInputError
from dialer.ledger import Checkpoint


def make_key(path: Path) -> Path:
    """A new private key at `path` (readable by its owner only), its public key beside it. Raises ConflictError where a file
    is there already; returns the path of the public key."""
    public = path.with_name(path.name + ".pub")
    if public.exists():
        raise ConflictError(f"{public} is there already")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write_new(path, pem, 0o600)
    _write_new(public, key.public_key().public_bytes(*_PUBLIC), 0o644)
    return public


def write(path: Path, checkpoint: Checkpoint, key: Path) -> None:
    """Sign and write. Raises ConflictError where a file is there already, InvalidInputError for a key that is none."""
    private = _private(key)
    text = checkpoint.text()
    sealed = {
        "signed": text,
        "signature": private.sign(text.encode()).hex(),
        "key": _name(private.public_key()),
    }
    _write_new(path, (json.dumps(sealed, indent=1) + "\n").encode(), 0o644)


def read(path: Path, public_key: Path) -> Checkpoint:
    """Raises InvalidInputError where the file is no checkpoint, or is not signed with this key."""
    public = _public(public_key)
    try:
        sealed = json.loads(path.read_text(encoding="utf-8"))
        text, signature = str(sealed["signed"]), bytes.fromhex(sealed["signature"])
        public.verify(signature, text.encode())
        return Checkpoint.read(text)
    except InvalidSignature:
        raise InvalidInputError("checkpoint", "its signature is not of this key") from None
    except OSError as error:
        raise InvalidInputError("checkpoint", error.strerror or "cannot be read") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError("checkpoint", "the file is no checkpoint") from error


_PUBLIC = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _name(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(*_PUBLIC)).hexdigest()[:16]


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInputError("key", f"{path} is no private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidInputError("key", f"{path} is no Ed25519 key")
    return key


def _public(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInputError("public key", f"{path} is no public key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInputError("public key", f"{path} is no Ed25519 key")
    return key


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError as error:
        raise ConflictError(f"{path} is there already") from error
    except OSError as error:
        raise InvalidInputError(str(path), error.strerror or "cannot be written") from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
