"""Check that the settings in config.json are those that the run was trained with."""

from pathlib import Path

from rnnplay.config import UserError
from rnnplay.runs.checkpoint import checkpoint_path, checkpoint_steps, read_state
from rnnplay.runs.directory import CONFIG, config_digest, load_record, run_id


def saved_digest(run: Path) -> str | None:
    """The digest of config.json that the newest readable checkpoint holds; None: it holds none, or there is none."""
    for step in reversed(checkpoint_steps(run)):
        if state := read_state(checkpoint_path(run, step)):
            digest = state.get("config_digest")
            return digest if isinstance(digest, str) else None
    return None


def check_config_unedited(run: Path) -> None:
    """Raise UserError if config.json was changed by another program since the newest checkpoint was saved.

    Checkpoints of earlier versions hold no digest: then nothing is known, and nothing is raised.
    """
    digest = saved_digest(run)
    try:
        if digest in (None, config_digest(run), *load_record(run).earlier_digests):
            return
    except OSError as error:
        raise UserError(f'"{run / CONFIG}" cannot be read ({error.strerror}).', "Make it readable.") from None
    raise UserError(
        f'"{run / CONFIG}" was edited since the run was saved, and does not say any more how it was trained.',
        f"Put it back as it was; rnnplay resume {run_id(run)} changes "
        "--lr, --clip, --schedule, --steps, --text and --device.",
    )
