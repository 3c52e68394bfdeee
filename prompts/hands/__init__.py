"""Against broken hands: are hands in frame, what can be done, and exactly what was done."""

from prompts.hands.frame import HandFrame, look_for_hands
from prompts.hands.plan import RECORD, HandAction, HandPlan, apply_plan, plan_hands, take_out

__all__ = ["RECORD", "HandAction", "HandFrame", "HandPlan", "apply_plan", "look_for_hands", "plan_hands", "take_out"]
