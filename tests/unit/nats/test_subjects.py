"""Event types, functions and namespaces as NATS subjects."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.nats.subjects import out_subject, tokens, work_subject

VALID = re.compile(r"[^\s.*>\x00-\x1f]+(?:\.[^\s.*>\x00-\x1f]+)*")


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("com.example.order-paid_v1", "com.example.order-paid_v1"),
        ("a b", "a%20b"),
        ("a*b>c", "a%2Ab%3Ec"),
        ("é", "%C3%A9"),
        ("a%b", "a%25b"),
        (".", "%2E"),
        ("a.", "a%2E"),
        (".a", "%2Ea"),
        ("a..b", "a%2E.b"),
    ],
)
def test_types_are_percent_encoded_except_dots(text, subject):
    made = tokens(text)
    assert VALID.fullmatch(made), made
    assert made == subject


@given(st.text(min_size=1, max_size=300))
def test_every_type_makes_a_valid_subject_of_bounded_length(text):
    made = tokens(text)
    assert VALID.fullmatch(made), made
    assert made.isascii()
    assert len(made) <= 1_100


@given(st.text("ab.%é ", min_size=1, max_size=8), st.text("ab.%é ", min_size=1, max_size=8))
def test_different_types_have_different_subjects(one, other):
    assert (tokens(one) == tokens(other)) == (one == other)


def test_long_types_that_begin_alike_are_told_apart():
    assert tokens("a." * 600 + "b") != tokens("a." * 600 + "c")
    assert tokens("a" * 2_000) != tokens("a" * 2_001)


def test_a_worker_can_take_one_module_or_one_function():
    assert work_subject("shop", "orders.pay:run") == "refold.work.shop.orders.pay%3Arun"
    assert out_subject("shop", "order.paid") == "cloudevents.out.shop.order.paid"
