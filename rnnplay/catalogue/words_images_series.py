"""The tasks over words, pictures and series."""

from rnnplay.catalogue.info import TaskInfo

TASKS: tuple[TaskInfo, ...] = (
    TaskInfo(
        name="sentiment",
        group="WORDS",
        summary="good or bad? negation and contrast decide, no single word does",
        description=(
            "A good word may be denied and the clause before but does not count, so that word by word nothing can "
            "be told. Many to one: one label after the last word, its probability shown after each."
        ),
        io_pattern="many to one",
        file_help="lines of a text, a tab and a label",
        preset={
            "cell": "lstm",
            "hidden": 32,
            "dropout": 0.5,
            "weight_dropout": 0.3,
            "weight_decay": 0.1,
            "batch": 32,
            "seq_len": 60,
            "lr": 2e-2,
            "schedule": "cosine",
            "steps": 6_000,
            "evaluate_every": 250,
        },
    ),
    TaskInfo(
        name="tagging",
        group="WORDS",
        summary="parts of speech: watch, can and that depend on what came before",
        description=(
            "Many words are nouns in one place and verbs in another, and what stood before tells which. Many to "
            "many: a tag at every word."
        ),
        io_pattern="many to many",
        preset={
            "cell": "lstm",
            "hidden": 64,
            "dropout": 0.2,
            "batch": 32,
            "seq_len": 22,
            "lr": 1e-2,
            "schedule": "cosine",
            "steps": 800,
            "evaluate_every": 40,
        },
    ),
    TaskInfo(
        name="translate",
        group="WORDS",
        summary="English to Spanish: words agree, and words change places",
        description=(
            "An encoder reads the whole English sentence into its state and a decoder writes Spanish out of it, "
            "word by word. Encoder-decoder: every output depends on all of the input."
        ),
        io_pattern="encoder-decoder",
        preset={
            "cell": "lstm",
            "hidden": 128,
            "dropout": 0.2,
            "weight_dropout": 0.2,
            "batch": 64,
            "seq_len": 17,
            "lr": 1.5e-2,
            "schedule": "cosine",
            "steps": 3_500,
            "evaluate_every": 175,
        },
    ),
    TaskInfo(
        name="typing",
        group="WORDS",
        summary="the thief that anna saw near the church should be sent to the ... jail",
        description=(
            "Which word comes last was decided by a word at the beginning, and everything between would mislead. "
            "Many to many: at every word it predicts the next."
        ),
        io_pattern="many to many",
        preset={
            "cell": "lstm",
            "hidden": 128,
            "dropout": 0.2,
            "batch": 32,
            "seq_len": 34,
            "lr": 1e-2,
            "schedule": "cosine",
            "steps": 2_000,
            "evaluate_every": 100,
        },
    ),
    TaskInfo(
        name="words",
        group="WORDS",
        summary="the same verse play, read and written by whole words",
        description=(
            "Words and punctuation marks in place of characters: fewer steps, more symbols, and few examples of "
            "each. Many to many: at every word it predicts the next."
        ),
        io_pattern="many to many",
        file_help="any UTF-8 text",
        preset={
            "cell": "lstm",
            "hidden": 128,
            "dropout": 0.6,
            "weight_dropout": 0.5,
            "weight_decay": 0.05,
            "ema_decay": 0.99,
            "batch": 16,
            "seq_len": 32,
            "lr": 5e-3,
            "schedule": "cosine",
            "steps": 2_000,
            "evaluate_every": 100,
        },
    ),
    TaskInfo(
        name="plain",
        group="PICTURES",
        summary="a faint digit in, its name out: no time, nothing to remember",
        description=(
            "With one time step a recurrent network is a plain one: of fixed size and without memory, the case to "
            "compare with. One to one: one picture, one label."
        ),
        io_pattern="one to one",
        preset={
            "cell": "rnn",
            "hidden": 64,
            "batch": 64,
            "seq_len": 1,
            "lr": 5e-3,
            "schedule": "cosine",
            "steps": 3_000,
            "evaluate_every": 100,
        },
    ),
    TaskInfo(
        name="caption",
        group="PICTURES",
        summary="a drawn scene in, a sentence out: a small square above a large ring",
        description=(
            "A small convolutional network sets the first hidden state, and each word that is written is fed "
            "back. One to many: one picture, then words from <START> to <END>."
        ),
        io_pattern="one to many",
        preset={
            "cell": "gru",
            "hidden": 128,
            "batch": 32,
            "seq_len": 13,
            "lr": 3e-3,
            "schedule": "cosine",
            "steps": 4_000,
            "evaluate_every": 200,
        },
    ),
    TaskInfo(
        name="video",
        group="PICTURES",
        summary="a block moves: left, right, up, down or still? one frame never tells",
        description=(
            "No single frame shows a movement, so the frame before must be remembered. Many to many: a label at "
            "every frame but the first."
        ),
        io_pattern="many to many",
        preset={
            "cell": "lstm",
            "hidden": 64,
            "batch": 32,
            "seq_len": 16,
            "lr": 5e-3,
            "schedule": "cosine",
            "steps": 1_000,
            "evaluate_every": 50,
        },
    ),
    TaskInfo(
        name="ball",
        group="PICTURES",
        summary="predict the next frame: where it flies and how it bounces",
        description=(
            "Where the ball goes shows only over two frames, and at a wall its path folds back. Many to many: at "
            "every frame it draws the next."
        ),
        io_pattern="many to many",
        preset={
            "cell": "lstm",
            "hidden": 128,
            "batch": 32,
            "seq_len": 24,
            "lr": 6e-3,
            "schedule": "cosine",
            "steps": 1_500,
            "evaluate_every": 75,
        },
    ),
    TaskInfo(
        name="series",
        group="SERIES",
        summary="predict the next value of a made-up tide, or of a CSV of one's own",
        description=(
            "Numbers in and numbers out: it is measured by the squared error, beside what a linear predictor "
            "reaches. Many to many: at every value it predicts the next."
        ),
        io_pattern="many to many",
        file_help="a CSV with a column of numbers",
        reads_table=True,
        preset={
            "cell": "lstm",
            "hidden": 32,
            "batch": 32,
            "seq_len": 60,
            "lr": 5e-3,
            "schedule": "cosine",
            "steps": 2_000,
            "evaluate_every": 100,
        },
    ),
)
