"""Stacks that are gone: AWS knows them by their id for ninety days, with what was in them.

The emulator forgets the resources of a deleted stack at once, and the stack when another one gets its name.
"""
import copy

import ministack.services.cloudformation.handlers as handlers
import ministack.services.cloudformation.stacks as stacks
from ministack.core.responses import now_iso
from ministack.services import cloudformation


def install():
    handlers._delete_stack_async = _remembering(handlers._delete_stack_async)
    stacks._delete_stack_async = _remembering(stacks._delete_stack_async)


def _remembering(original):
    async def delete(stack_name, stack_id, *arguments, **named):
        before = copy.deepcopy((cloudformation._stacks.get(stack_name) or {}).get("_resources", {}))
        await original(stack_name, stack_id, *arguments, **named)
        stack = cloudformation._stacks.get(stack_name) or {}
        if stack.get("StackId") != stack_id or stack.get("StackStatus") != "DELETE_COMPLETE":
            return
        for resource in before.values():
            resource["ResourceStatus"] = "DELETE_COMPLETE"
        # By its name nothing is found any more; by its id, which is now its key, everything.
        del cloudformation._stacks[stack_name]
        cloudformation._stacks[stack_id] = {**stack, "_resources": before, "DeletionTime": now_iso()}

    return delete
