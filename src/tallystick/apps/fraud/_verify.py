"""Verification: read the source again, compute everything again, and lay it beside the ledger and what was kept."""

from __future__ import annotations

import pyarrow as pa

from tallystick.apps.fraud._job import score_stream
from tallystick.apps.fraud._progress import Progress, silent
from tallystick.apps.fraud._scorer import Scorer
from tallystick.errors import InputError
from tallystick.exact import Program
from tallystick.features import SPEC
from tallystick.ledger import OurHalf, PredictionLog, Registry, StoredHalf, VerifyReport, read_claim, verify_ranges
from tallystick.sources import Source
from tallystick.units import Hash

__all__ = ["recompute", "verify_model"]


def recompute(source: Source, program: Program, progress: Progress = silent) -> OurHalf:
    """Score a whole source from its first transfer on.

    Raises
    ------
    SpecMismatch
        The program was made for other features.
    InputError
        The source is empty.
    """
    scorer = Scorer(program)
    transfers: list[pa.Table] = []
    predictions: list[pa.Table] = []
    done = 0
    for scored in score_stream(source, scorer):
        transfers.append(scored.transfers)
        predictions.append(scored.predictions)
        done += scored.transfers.num_rows
        progress("recompute", done, None)
    if not transfers:
        raise InputError("the source has no transfers", name=str(source.spec))
    return OurHalf(program.hash, SPEC.hash, pa.concat_tables(transfers), pa.concat_tables(predictions))


def verify_model(
    registry: Registry,
    log: PredictionLog,
    model_id: Hash,
    program: Program,
    source: Source,
    stored: StoredHalf | None = None,
    progress: Progress = silent,
) -> VerifyReport:
    """Verify everything a model committed: needs the chain, the program and the source, and trusts nobody.

    Parameters
    ----------
    stored
        What the committer kept; with it, a difference is named down to the field.

    Raises
    ------
    LedgerError
        The registry does not know the model, or it has committed nothing.
    """
    claim = read_claim(registry, log, model_id)
    return verify_ranges(claim, recompute(source, program, progress), stored)
