"""Idea -> spell and chat -> edits. Light to import: the openai SDK is loaded by `openai_chat` alone."""

from prompts.expansion.applying import apply, locks_after
from prompts.expansion.catalogue import LoraCard
from prompts.expansion.chat_model import ChatModel, Message
from prompts.expansion.diff import SpellDiff, diff
from prompts.expansion.edit_json import edit_from_json, edit_to_json, edits_from_json, edits_to_json
from prompts.expansion.edits import (
    AddNegative,
    AddPhrase,
    DropLora,
    Edit,
    LockSpan,
    RemoveNegative,
    RemovePhrase,
    ReplacePhrase,
    Reweight,
    SetNegative,
    SetParam,
    UnlockSpan,
    UseLora,
)
from prompts.expansion.expand import OFFLINE, Expansion, expand
from prompts.expansion.families import DEMO, FAMILIES, SD15, SDXL, FamilyProfile, family_named
from prompts.expansion.history import History, Version, begin, replay, turns_to_json
from prompts.expansion.refine import Refinement, TurnContext, refine

__all__ = [
    "DEMO",
    "FAMILIES",
    "OFFLINE",
    "SD15",
    "SDXL",
    "AddNegative",
    "AddPhrase",
    "ChatModel",
    "DropLora",
    "Edit",
    "Expansion",
    "FamilyProfile",
    "History",
    "LockSpan",
    "LoraCard",
    "Message",
    "Refinement",
    "RemoveNegative",
    "RemovePhrase",
    "ReplacePhrase",
    "Reweight",
    "SetNegative",
    "SetParam",
    "SpellDiff",
    "TurnContext",
    "UnlockSpan",
    "UseLora",
    "Version",
    "apply",
    "begin",
    "diff",
    "edit_from_json",
    "edit_to_json",
    "edits_from_json",
    "edits_to_json",
    "expand",
    "family_named",
    "locks_after",
    "refine",
    "replay",
    "turns_to_json",
]
