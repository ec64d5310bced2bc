"""What can be taken from `lora_ops`, and where it is made: read by type checkers, and by `__init__.py` itself."""

from .advice import advise as advise
from .bakery.bake import (
    bake as bake,
)
from .bakery.bake import (
    bake_weights as bake_weights,
)
from .bakery.combine import (
    combine as combine,
)
from .bakery.combine import (
    combine_weights as combine_weights,
)
from .bakery.combine import (
    concatenate as concatenate,
)
from .bakery.merge import merge as merge
from .bakery.plan import Plan as Plan
from .bakery.read_back import CannotVerify as CannotVerify
from .bakery.resize import (
    Keep as Keep,
)
from .bakery.resize import (
    Resized as Resized,
)
from .bakery.resize import (
    resize as resize,
)
from .bakery.resize import (
    resize_weights as resize_weights,
)
from .bakery.runtimes import objections as objections
from .bakery.verify import (
    verify as verify,
)
from .bakery.verify import (
    verify_model as verify_model,
)
from .bakery.ways import (
    COMBINATIONS as COMBINATIONS,
)
from .bakery.ways import (
    Form as Form,
)
from .bakery.ways import (
    Recipe as Recipe,
)
from .bakery.writing import Writing as Writing
from .bakery.written import (
    Baked as Baked,
)
from .bakery.written import (
    Merged as Merged,
)
from .desk import Desk as Desk
from .engines.engine import (
    Cancelled as Cancelled,
)
from .engines.engine import (
    Judgement as Judgement,
)
from .engines.engine import (
    NotInRows as NotInRows,
)
from .engines.peft.loading import (
    LoadingError as LoadingError,
)
from .engines.peft.loading import (
    change_adapters as change_adapters,
)
from .engines.peft.loading import (
    loaded_adapters as loaded_adapters,
)
from .engines.sampling import Sampling as Sampling
from .fade import Fade as Fade
from .fader import Fader as Fader
from .lab.axis import (
    Axis as Axis,
)
from .lab.batches import Question as Question
from .lab.column import (
    MAX_COLUMNS as MAX_COLUMNS,
)
from .lab.column import (
    Column as Column,
)
from .lab.column import (
    ColumnResult as ColumnResult,
)
from .lab.column import (
    Result as Result,
)
from .lab.compare import (
    Run as Run,
)
from .lab.compare import (
    Update as Update,
)
from .lab.compare import (
    compare as compare,
)
from .lab.curves import (
    Curve as Curve,
)
from .lab.curves import (
    curve as curve,
)
from .lab.curves import (
    likelihood_curve as likelihood_curve,
)
from .lab.difference import (
    first_difference as first_difference,
)
from .lab.difference import (
    words as words,
)
from .lab.experiment import (
    MAX_CELLS as MAX_CELLS,
)
from .lab.experiment import (
    Experiment as Experiment,
)
from .lab.experiment import (
    Progress as Progress,
)
from .lab.experiment import (
    Trial as Trial,
)
from .lab.experiment import (
    experiment as experiment,
)
from .lab.questions import read_prompts as read_prompts
from .lab.score import (
    Scores as Scores,
)
from .lab.score import (
    judge as judge,
)
from .lab.score import (
    score as score,
)
from .lab.sweep import (
    parse_axis as parse_axis,
)
from .learning.examples import (
    Example as Example,
)
from .learning.examples import (
    read_examples as read_examples,
)
from .learning.learn import (
    Learning as Learning,
)
from .learning.learn import (
    learn as learn,
)
from .learning.learn import (
    learn_from_votes as learn_from_votes,
)
from .learning.learned import (
    Learned as Learned,
)
from .learning.learned import (
    Point as Point,
)
from .learning.own_replies import (
    own_replies as own_replies,
)
from .learning.preferences import (
    Preference as Preference,
)
from .learning.preferences import (
    preferences as preferences,
)
from .measure.estimate import (
    Estimate as Estimate,
)
from .measure.estimate import (
    estimate_impact as estimate_impact,
)
from .measure.impact import (
    Impact as Impact,
)
from .measure.impact import (
    impact as impact,
)
from .measure.loudness import (
    Levels as Levels,
)
from .measure.loudness import (
    Loud as Loud,
)
from .measure.loudness import (
    Loudness as Loudness,
)
from .measure.loudness import (
    loudness as loudness,
)
from .measure.pruning import (
    keep_top as keep_top,
)
from .measure.pruning import (
    silence_idle as silence_idle,
)
from .measure.spectrum import (
    Spectrum as Spectrum,
)
from .measure.spectrum import (
    TargetSpectrum as TargetSpectrum,
)
from .measure.spectrum import (
    spectrum as spectrum,
)
from .measure.spectrum import (
    spectrum_weights as spectrum_weights,
)
from .mix import (
    Faders as Faders,
)
from .mix import (
    Mix as Mix,
)
from .profile import (
    Profile as Profile,
)
from .profile import (
    ProfileError as ProfileError,
)
from .profile import (
    read_mix as read_mix,
)
from .profile_fit import (
    Fit as Fit,
)
from .profile_fit import (
    fit as fit,
)
from .profiles import Profiles as Profiles
from .results.ballot import (
    Ballot as Ballot,
)
from .results.ballot import (
    Revealed as Revealed,
)
from .results.ballot import (
    Slip as Slip,
)
from .results.export import (
    to_csv as to_csv,
)
from .results.export import (
    to_html as to_html,
)
from .results.jsonl import (
    from_jsonl as from_jsonl,
)
from .results.jsonl import (
    to_jsonl as to_jsonl,
)
from .results.record import (
    AdapterRecord as AdapterRecord,
)
from .results.record import (
    ColumnRecord as ColumnRecord,
)
from .results.record import (
    Duel as Duel,
)
from .results.record import (
    MessageRecord as MessageRecord,
)
from .results.record import (
    Record as Record,
)
from .results.record import (
    RecordsError as RecordsError,
)
from .results.record import (
    ReplyRecord as ReplyRecord,
)
from .results.record import (
    ScoresRecord as ScoresRecord,
)
from .results.record import (
    TrialRecord as TrialRecord,
)
from .results.record import (
    Vote as Vote,
)
from .results.records import (
    AlreadyKept as AlreadyKept,
)
from .results.records import (
    Records as Records,
)
from .results.summaries import Summary as Summary
from .results.tally import (
    Pair as Pair,
)
from .results.tally import (
    Rate as Rate,
)
from .results.tally import (
    Standing as Standing,
)
from .results.tally import (
    Tally as Tally,
)
from .results.tally import (
    identity as identity,
)
from .results.tally import (
    tally as tally,
)
from .shapes import (
    SHAPES as SHAPES,
)
from .shapes import (
    shape as shape,
)
from .shelf.adapter_files import (
    AdapterFileError as AdapterFileError,
)
from .shelf.adapter_files import (
    AdapterFiles as AdapterFiles,
)
from .shelf.adapter_files import (
    read_adapter as read_adapter,
)
from .shelf.adapter_weights import (
    AdapterWeights as AdapterWeights,
)
from .shelf.adapter_weights import (
    read_weights as read_weights,
)
from .shelf.live_weights import loaded_weights as loaded_weights
from .shelf.shelf import (
    Entry as Entry,
)
from .shelf.shelf import (
    ShelfNotes as ShelfNotes,
)
from .target import (
    Adapter as Adapter,
)
from .target import (
    Target as Target,
)
from .training.formats import (
    RECIPE_FORMATS as RECIPE_FORMATS,
)
from .training.formats import (
    write_recipe as write_recipe,
)
from .training.next_training import (
    Advice as Advice,
)
from .training.next_training import (
    NextTraining as NextTraining,
)
from .training.next_training import (
    Sure as Sure,
)
from .training.recipe import recipe as recipe
