"""Against broken hands: are hands in frame, what can be done, and exactly what was done."""

from prompts.hands.frame import HandFrame, look_for_hands
from prompts.hands.plan import HandPlan, apply_edits, apply_plan, plan_hands
from prompts.hands.record import RECORD, take_out
from prompts.hands.strategies import ActionKind, HandAction

__all__ = [
    "RECORD",
    "ActionKind",
    "HandAction",
    "HandFrame",
    "HandPlan",
    "apply_edits",
    "apply_plan",
    "look_for_hands",
    "plan_hands",
    "take_out",
]
