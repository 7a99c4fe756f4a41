"""What makes two requests one: the same command delivered twice, never two different ones."""

from handlers.payload import of_command

ONE = {"trigger_id": "1.2.x", "user_id": "U0ANA", "team_id": "T0", "text": "list", "response_url": "https://slack/1"}


def test_a_command_delivered_twice_is_one() -> None:
    assert of_command(ONE).cause == of_command(dict(ONE)).cause


def test_another_command_is_another_whatever_its_trigger() -> None:
    assert of_command(ONE).cause != of_command(ONE | {"text": "whoami"}).cause
