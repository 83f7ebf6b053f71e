"""The same two tasks for Locust, with its fast client."""
from locust import task
from locust.contrib.fasthttp import FastHttpUser


class Reader(FastHttpUser):
    """The page, again and again, with the check that our worker makes."""

    insecure = True

    @task
    def page(self):
        with self.client.get("/", catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure("status is not 200")


class Shopper(FastHttpUser):
    """A token, and an order with it."""

    insecure = True

    @task
    def buy(self):
        with self.client.get("/token", catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure("status is not 200")
                return
            token = answer.json()["token"]
        order = {"token": token, "items": [1, 2, 3]}
        with self.client.post("/orders", json=order, catch_response=True) as answer:
            if answer.status_code != 201:
                answer.failure("status is not 201")
