"""Change sets that import what exists: a bucket that comes into the stack is no conflict of names."""
import contextvars

import ministack.services.cloudformation.changesets as changesets
import ministack.services.cloudformation.stacks as stacks

_imported = contextvars.ContextVar("imported", default=frozenset())


def install():
    deploy, errors = changesets._deploy_stack_async, stacks._validation_errors

    async def deploying(*arguments, imports=None, **named):
        _imported.set(frozenset(imports or ()))
        return await deploy(*arguments, imports=imports, **named)

    # The emulator refuses every name that is taken, also that of a bucket which the change set imports.
    def validation_errors(*arguments, **named):
        found = errors(*arguments, **named)
        return [error for error in found if error[2] != "NAME_CONFLICT_VALIDATION" or error[0] not in _imported.get()]

    changesets._deploy_stack_async, stacks._validation_errors = deploying, validation_errors
