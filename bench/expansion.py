"""Score the offline expander, and any configured language model, on fixed ideas and chat turns.

    python bench/expansion.py                                   # offline only
    python bench/expansion.py --base-url http://127.0.0.1:11434/v1 --model qwen3:4b

Ideas: is the subject kept and first, are all named things kept, is the syntax valid, is it English,
does it fit 75 tokens. Turns: is the wish fulfilled, with few edits, and does the locked phrase
survive. `fresh` ideas were not used to write the glossary; the others were.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from expansion_checks import DRAFT as EVERYDAY_DRAFT
from expansion_checks import (
    DRAFTS,
    DRAFTS_OF_TAGS,
    UNDO_TO,
    VERSIONS,
    everyday_turns,
    turns_on_drafts,
    turns_on_tags,
    unmet,
)

from prompts.errors import ChatModelError
from prompts.expansion.chat_model import ChatModel
from prompts.expansion.expand import expand
from prompts.expansion.families import SD15
from prompts.expansion.offline.tokens import estimate_tokens
from prompts.expansion.offline.words import contains
from prompts.expansion.phrases import is_balanced, split
from prompts.expansion.refine import TurnContext, refine
from prompts.spell import Spell

HERE = Path(__file__).parent
DRAFT = Spell(
    prompt="a girl wearing a red hat on a Tokyo street in the rain at sunset, (neon lights:1.2), full plate armour, "
    "photograph",
    negative_prompt="blurry",
).evolve(steps=20, cfg_scale=7.0, width=512, height=512)
LOCKED = "neon lights"


@dataclass
class Score:
    """How many of how many, per question, and how long it took."""

    name: str
    asked: int = 0
    failed: int = 0
    seconds: float = 0.0
    passed: dict[str, int] = field(default_factory=dict)

    def note(self, checks: dict[str, bool]) -> None:
        """Count one case."""
        self.asked += 1
        for question, ok in checks.items():
            self.passed[question] = self.passed.get(question, 0) + ok

    def lines(self) -> list[str]:
        """The score as table rows."""
        each = self.seconds / max(1, self.asked + self.failed)
        rows = [f"{self.name:34} {self.asked:4} asked, {self.failed} without an answer, {each * 1000:8.1f} ms each"]
        return rows + [f"    {q:28} {n:4}/{self.asked}  {n / max(1, self.asked):6.1%}" for q, n in self.passed.items()]


def read_table(name: str) -> list[list[str]]:
    """The cells of a table in this folder; comments and empty lines left out."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.split("|")] for line in lines if line.strip() and line[0] != "#"]


def holds(text: str, wanted: str) -> bool:
    """Whether `text` holds one of the words of `a/b`; texts with syntax are looked for as written."""
    return any(word in text if set("[(:.") & set(word) else contains(text, word) for word in wanted.split("/") if word)


async def score_ideas(name: str, table: str, chat: ChatModel | None, limit: int) -> Score:
    """Every idea of `table` through `expand`."""
    score = Score(name)
    for _, idea, wanted in read_table(table)[:limit]:
        words = [word.strip() for word in wanted.split(";")]
        began = time.perf_counter()
        try:
            prompt = (await expand(idea, SD15, chat, seed=1, on_failure="raise")).spell.prompt
        except ChatModelError:
            score.failed += 1
            continue
        finally:
            score.seconds += time.perf_counter() - began
        kept = [holds(prompt, word) for word in words]
        first = split(prompt)[0].text
        score.note(
            {
                "subject kept": kept[0],
                "subject in the first phrase": holds(first, words[0]),
                "everything named is kept": all(kept),
                "share of named things kept": sum(kept) >= len(kept) - 1,
                "syntax valid": is_balanced(prompt),
                "English": all(ord(char) < 0x3000 for char in prompt),
                "within 75 tokens": estimate_tokens(prompt) <= 75,
            }
        )
    if "share of named things kept" in score.passed:
        score.passed["all but one named thing kept"] = score.passed.pop("share of named things kept")
    return score


async def score_turns(name: str, chat: ChatModel | None, limit: int) -> Score:
    """Every chat turn through `refine`, with one phrase locked."""
    score = Score(name)
    for message, there, gone, most in read_table("expansion_turns.txt")[:limit]:
        context = TurnContext(locked=(LOCKED,) if not holds(there, LOCKED) else (), on_failure="raise")
        began = time.perf_counter()
        try:
            turn = await refine(DRAFT, message, SD15, chat, context=context)
        except ChatModelError:
            score.failed += 1
            continue
        finally:
            score.seconds += time.perf_counter() - began
        prompt = turn.spell.prompt
        done = turn.understood and turn.spell != DRAFT
        done = done and (not there or holds(prompt, there)) and (not gone or not holds(prompt, gone))
        score.note(
            {
                "wish fulfilled": done,
                "few edits": len(turn.diff.lines()) <= int(most),
                "locked phrase intact": LOCKED in prompt,
                "syntax valid": is_balanced(prompt),
            }
        )
    return score


async def score_everyday(name: str, chat: ChatModel | None, limit: int) -> Score:
    """Every turn of `expansion_everyday.txt`: is all of what was expected true afterwards?"""
    score = Score(name)
    for message, wanted in everyday_turns()[:limit]:
        context = TurnContext(versions=VERSIONS, undo_to=UNDO_TO, on_failure="raise")
        began = time.perf_counter()
        try:
            turn = await refine(EVERYDAY_DRAFT, message, SD15, chat, context=context)
        except ChatModelError:
            score.failed += 1
            continue
        finally:
            score.seconds += time.perf_counter() - began
        score.note({"wish fulfilled": not unmet(turn, wanted), "syntax valid": is_balanced(turn.spell.prompt)})
    return score


async def score_drafts(
    name: str, drafts: dict[str, Spell], turns: list[tuple[str, str, str]], chat: ChatModel | None
) -> Score:
    """Every turn of a table on its own draft."""
    score = Score(name)
    for draft, message, wanted in turns:
        began = time.perf_counter()
        try:
            turn = await refine(drafts[draft], message, SD15, chat, context=TurnContext(on_failure="raise"))
        except ChatModelError:
            score.failed += 1
            continue
        finally:
            score.seconds += time.perf_counter() - began
        met = not unmet(turn, wanted, drafts[draft])
        score.note({"wish fulfilled": met, "syntax valid": is_balanced(turn.spell.prompt)})
    return score


async def main() -> None:
    """Read the arguments, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", default=os.environ.get("OPENAI_BASE_URL"))
    parser.add_argument("--model", help="score this language model as well")
    parser.add_argument("--limit", type=int, default=10_000, help="at most so many cases of each table")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds until a model's first word")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    chats: list[tuple[str, ChatModel | None]] = [("offline", None)]
    if asked.model:
        from prompts.expansion.breaker import CircuitBreaker
        from prompts.expansion.openai_chat import OpenAIChat, OpenAIChatConfig

        key, patience = os.environ.get("OPENAI_API_KEY", "none"), asked.patience
        config = OpenAIChatConfig(
            asked.model, asked.base_url, key, first_token_seconds=patience, whole_seconds=2 * patience, retries=0
        )
        # Every case is asked, however many failed before.
        chats.append((asked.model, OpenAIChat(config, CircuitBreaker(failures=10**9))))
    scores = []
    for name, chat in chats:
        scores.append(await score_ideas(f"{name}: ideas", "expansion_ideas.txt", chat, asked.limit))
        scores.append(await score_ideas(f"{name}: fresh ideas", "expansion_fresh.txt", chat, asked.limit))
        scores.append(await score_ideas(f"{name}: more fresh ideas", "expansion_fresh2.txt", chat, asked.limit))
        scores.append(await score_ideas(f"{name}: a fourth set", "expansion_fresh3.txt", chat, asked.limit))
        scores.append(await score_turns(f"{name}: chat turns", chat, asked.limit))
        scores.append(await score_everyday(f"{name}: everyday turns", chat, asked.limit))
        on_drafts = turns_on_drafts()[: asked.limit]
        scores.append(await score_drafts(f"{name}: turns on other drafts", DRAFTS, on_drafts, chat))
        on_tags = turns_on_tags()[: asked.limit]
        scores.append(await score_drafts(f"{name}: turns on tag prompts", DRAFTS_OF_TAGS, on_tags, chat))
    if asked.json:
        print(json.dumps([vars(score) for score in scores], ensure_ascii=False, indent=1))
    else:
        print("\n".join(line for score in scores for line in score.lines()))


if __name__ == "__main__":
    asyncio.run(main())
