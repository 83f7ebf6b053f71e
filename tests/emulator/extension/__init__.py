"""What the emulated AWS lacks and our stacks need, one concern per module.

Every module has an `install()` that replaces single functions of ministack 1.5.33 in this process. Nothing of ministack
is copied; each replacement says what AWS does that ministack does not.
"""


def install():
    """Installs everything, once, before the server starts."""
    from . import (accounts, bygone, checks, drift, functions, gateway, identity, imports, logs, news, operations,
                   policies, quotas, refusals, registry, resources, storage, tasks, viewers)

    # Drift reads what the others have made of the services.
    for module in (accounts, bygone, checks, functions, gateway, identity, imports, logs, news, operations, policies,
                   quotas, refusals, registry, resources, storage, tasks, viewers, drift):
        module.install()
