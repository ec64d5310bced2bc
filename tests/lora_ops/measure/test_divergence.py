"""What two distributions differ by, of texts and of a classifier."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import tiny
from helpers.silencing import assert_same, one_by_one
from helpers.tiny import pirate, prompt

from lora_mixer.lora_ops import Desk, Mix, impact


def classifier(**changes: Any) -> Any:
    """A model that says what a whole text is, with an adapter whose weights are not zero."""
    from transformers import LlamaForSequenceClassification

    model = tiny.llama()
    given = {key: value for key, value in model.config.to_dict().items() if "label" not in key}
    made = LlamaForSequenceClassification(type(model.config)(**{**given, **changes}))
    made.model.load_state_dict(model.model.state_dict())
    return pirate(made, target_modules=["q_proj", "down_proj"], task_type="SEQ_CLS")


@pytest.mark.parametrize("pad", [0, None], ids=["in rows", "one by one"])
def test_a_classifier_is_measured_by_what_it_says_of_the_whole_text(pad: int | None):
    model = classifier(num_labels=3, pad_token_id=pad)
    desk, ids = Desk(model), prompt()
    assert_same(impact(desk, ids), one_by_one(desk, Mix(), "silenced", ids), 1e-6)


def test_a_single_number_is_no_distribution():
    with pytest.raises(ValueError, match="num_labels is 1"):
        impact(Desk(classifier(num_labels=1, pad_token_id=0)), prompt())
