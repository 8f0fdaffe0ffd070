"""The ports carried by NATS, through nats-py."""
