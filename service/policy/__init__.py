"""What may be made: one screen that every door's request passes before it becomes a job."""

from service.policy.screen import Decision, Policy, PolicyBlocked, Stamp

__all__ = ["Decision", "Policy", "PolicyBlocked", "Stamp"]
