"""``tally program sign`` and ``verify``: who vouches for a program."""

from __future__ import annotations

from pathlib import Path

import typer

from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.errors import InputError
from tallystick.settings import Settings

__all__ = ["register"]


def register(program: typer.Typer) -> None:
    """Add the verbs."""
    program.command("sign", help=_sign.__doc__)(with_settings()(_sign))
    program.command("verify", help=_verify.__doc__)(with_settings()(_verify))


def _sign(
    file: str = typer.Argument(help="Program file, model folder, or a shipped model's name."),
    key: Path = typer.Option(..., "--key", help="PEM file of a private key on P-256, P-384 or P-521."),
    output: Path | None = typer.Option(None, "-o", "--output", help="Signature file; FILE.sig by default."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Sign a program: an in-toto statement in a DSSE envelope, in the bundle that OpenSSF model-signing reads.

    The password of an encrypted key is taken from the environment variable TALLY_KEY_PASSWORD.

    Example: tally program sign model/program.tally --key key.pem
    """
    from tallystick.apps.fraud import find_model
    from tallystick.signing import sign_program
    from tallystick.store import write_bytes

    model = find_model(file)
    target = output or Path(f"{model.path}.sig")
    bundle = sign_program(model.program, model.path.name, key, settings.key_password or None)
    write_bytes(target, bundle)
    facts = {"program": "0x" + model.program.hash.hex(), "signature": str(target)}
    out.result(facts, rows_text(list(facts.items())))


def _verify(
    file: str = typer.Argument(help="Program file, model folder, or a shipped model's name."),
    key: Path = typer.Option(..., "--key", help="PEM file of the public key you trust."),
    signature: Path | None = typer.Option(None, "--signature", help="Signature file; FILE.sig by default."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Check that a key signed exactly this program; reads what OpenSSF model-signing writes, too.

    Exit code 3 where the signature is not this key's over this program.

    Example: tally program verify model/program.tally --key key.pub
    """
    from tallystick.apps.fraud import find_model
    from tallystick.signing import verify_program

    model = find_model(file)
    source = signature or Path(f"{model.path}.sig")
    try:
        bundle = source.read_bytes()
    except OSError as error:
        step = f"Name it with --signature, or make one: tally program sign {file} --key key.pem"
        raise InputError("the signature file cannot be read", file=str(source), next_step=step) from error
    signed = verify_program(model.program, bundle, key)
    facts = {"program": "0x" + model.program.hash.hex(), "key": signed.key, "signed": True}
    out.result(facts, rows_text([("signed", "by this key, over exactly this program"), *list(facts.items())[:2]]))
