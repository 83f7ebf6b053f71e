"""What the emulated AWS lacks and our stacks need, one concern per module.

Every module has an `install()` that replaces single functions of ministack 1.5.33 in this process. Nothing of ministack
is copied; each replacement says what AWS does that ministack does not.
"""


def install():
    """Installs everything, once, before the server starts."""
    from . import (accounts, checks, drift, functions, gateway, identity, imports, logs, operations, policies, registry,
                   resources, storage, tasks, viewers)

    for module in (accounts, checks, functions, gateway, identity, imports, logs, operations, policies, registry,
                   resources, storage, tasks, viewers, drift):
    from . import (accounts, checks, functions, gateway, identity, imports, logs, operations, policies, quotas, registry,
    for module in (accounts, checks, functions, gateway, identity, imports, logs, operations, policies, quotas, registry,
                   resources, storage, tasks, viewers):
    from . import (accounts, checks, functions, gateway, identity, imports, logs, operations, policies, refusals,
                   registry, resources, storage, tasks, viewers)
    for module in (accounts, checks, functions, gateway, identity, imports, logs, operations, policies, refusals,
                   registry, resources, storage, tasks, viewers):
        module.install()
