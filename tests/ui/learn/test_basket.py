"""The replies that one wants: in their order, each once, no more than can be learned from."""

from __future__ import annotations

import pytest

from lora_mixer.lora_ops.learning.examples import MAX_EXAMPLES, Example
from lora_mixer.ui.learn.basket import Basket, Wanted


def wanted(prompt: object, reply: str = "Arr!", **more: str) -> Wanted:
    return Wanted(Example(prompt, reply), "typed", **more)  # type: ignore[arg-type]


CHAT = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Ahoy?"})


def test_what_is_there_already_is_not_added_again() -> None:
    basket = Basket()
    assert basket.add([wanted("a"), wanted("a"), wanted("a", "Aye!"), wanted(CHAT), wanted((1, 2), model="m")]) == 4
    assert basket.add([wanted("a"), wanted(CHAT), wanted((1, 2), model="m"), wanted((1, 2), model="other")]) == 1
    assert [key for key, _ in basket] == [1, 2, 3, 4, 5]


def test_a_key_is_never_given_twice() -> None:
    basket = Basket()
    basket.add([wanted("a"), wanted("b")])
    basket.remove(2)
    basket.remove(2)
    basket.add([wanted("c")])
    assert [(key, one.question) for key, one in basket] == [(1, "a"), (3, "c")]
    basket.clear()
    assert len(basket) == 0 and basket.examples == []


def test_more_than_can_be_learned_from_are_refused_and_none_of_them_is_added() -> None:
    basket = Basket()
    basket.add([wanted("a")])
    with pytest.raises(ValueError, match="10,000"):
        basket.add(wanted(str(at)) for at in range(MAX_EXAMPLES))
    assert len(basket) == 1


def test_a_question_is_told_for_people_and_asked_again_where_it_is_known_whole() -> None:
    assert wanted("a").question == "a" and wanted("a").chat == ({"role": "user", "content": "a"},)
    assert wanted(CHAT).question == "Ahoy?" and wanted(CHAT).chat == CHAT
    picked = wanted((1, 2), asked="Ahoy?")
    assert picked.question == "Ahoy?" and picked.chat == ({"role": "user", "content": "Ahoy?"},)
    assert wanted((1, 2), asked="Ahoy, and so o…").chat == () and wanted((1, 2)).chat == ()
