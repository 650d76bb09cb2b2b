"""The official Python client, as ../README.md describes it."""
import json
import os
import sys
import threading
import time

from rocketmq import (
    ClientConfiguration,
    ConsumeResult,
    Credentials,
    FilterExpression,
    Message,
    MessageListener,
    Producer,
    PushConsumer,
    SimpleConsumer,
)

env = os.environ
topic = env.get("TOPIC", "")
group = env.get("GROUP", "")
count = int(env.get("COUNT", "1"))
deadline = time.monotonic() + float(env.get("SECONDS", "30"))


speaking = threading.Lock()


def say(**line):
    # Handlers run in threads; their lines must not run into each other.
    with speaking:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def configuration():
    credentials = Credentials()
    if "ACCESS_KEY" in env:
        credentials = Credentials(env["ACCESS_KEY"], env.get("SECRET_KEY", ""))
    return ClientConfiguration(env["ENDPOINTS"], credentials)


def produce():
    producer = Producer(configuration(), (topic,))
    producer.startup()
    say(ready=True)
    for index in range(count):
        message = Message()
        message.topic = topic
        message.tag = "interop"
        message.body = f"message {index}".encode()
        if "MESSAGE_GROUPS" in env:
            message.message_group = str(index % int(env["MESSAGE_GROUPS"]))
        while True:
            try:
                receipt = producer.send(message)
                say(sent=receipt.message_id, body=f"message {index}")
                break
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        time.sleep(float(env.get("PAUSE_MS", "0")) / 1000)
    producer.shutdown()


def report(message):
    say(
        received=message.message_id,
        body=message.body.decode(),
        attempt=message.delivery_attempt,
    )


def simple():
    consumer = SimpleConsumer(configuration(), group, {topic: FilterExpression()}, 5)
    consumer.startup()
    say(ready=True)
    seen = set()
    while len(seen) < count and time.monotonic() < deadline:
        try:
            for message in consumer.receive(32, 15) or []:
                report(message)
                consumer.ack(message)
                seen.add(message.message_id)
        except Exception as error:
            print(error, file=sys.stderr)
            time.sleep(0.2)
    consumer.shutdown()


class Listener(MessageListener):
    def __init__(self):
        self.seen = set()

    def consume(self, message):
        report(message)
        if env.get("FAIL_FIRST") == "1" and message.delivery_attempt == 1:
            if message.body.decode().endswith("0"):
                return ConsumeResult.FAILURE
        self.seen.add(message.message_id)
        return ConsumeResult.SUCCESS


def push():
    listener = Listener()
    consumer = PushConsumer(configuration(), group, listener, {topic: FilterExpression()})
    consumer.startup()
    say(ready=True)
    while len(listener.seen) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    consumer.shutdown()


try:
    {"produce": produce, "simple": simple, "push": push}[sys.argv[1]]()
    os._exit(0)
except Exception as error:
    say(error=repr(error))
    os._exit(1)
