"""Lambda: every invocation is counted, and log lines are delivered as the asynchronous events that they are.

The emulator counts only invocations through the API, and calls a function that is subscribed to a log group once, whatever
comes of it. AWS tries again when it fails and at last tells the destination for failures.
"""
import time

import ministack.services.lambda_svc as functions


def install():
    count, dispatch = functions._emit_lambda_metrics, functions._execute_function_dispatch
    execute = functions._execute_function_with_config_scope

    def count_throttles(name, duration_ms, error, throttle):
        # What ran is counted below, whoever asked for it.
        if throttle:
            count(name, duration_ms=duration_ms, error=error, throttle=throttle)

    def dispatch_and_count(function, config, event, request_id, started):
        result = dispatch(function, config, event, request_id, started)
        count(config.get("FunctionName", "unknown"), duration_ms=(time.time() - started) * 1000,
              error=bool(result.get("error")), throttle=False)
        return result

    def execute_or_deliver(function, event):
        # Only CloudWatch Logs makes events of this shape.
        if set(event) == {"awslogs"}:
            return functions.invoke_async_with_retry(function, event)
        return execute(function, event)

    functions._emit_lambda_metrics = count_throttles
    functions._execute_function_dispatch = dispatch_and_count
    functions._execute_function_with_config_scope = execute_or_deliver
