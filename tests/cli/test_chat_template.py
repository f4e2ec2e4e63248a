"""Chat templates alone, with any version of jinja2 that the package allows; ``test_chat.py`` has the library beside."""

import pytest

from llmguide.cli.chat_template import Message, render

HELLO: list[Message] = [{"role": "user", "content": "Hello"}]


def test_templates_get_what_they_ask_for() -> None:
    def rendered(template: str) -> str:
        return render(template, HELLO, {"bos_token": "<s>"})

    assert rendered("{{ bos_token }}{{ eos_token }}{% if add_generation_prompt %}!{% endif %}") == "<s>!"
    assert rendered("{{ messages | tojson }}") == '[{"role": "user", "content": "Hello"}]'
    assert rendered("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}") == "01"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("{% if %}", "Expected an expression"),
        ("{{ messages.append(1) }}", "unsafe"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ 1 + 'a' }}", "unsupported operand"),
    ],
)
def test_what_a_template_must_not_do(template: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"the chat template refuses the conversation: .*{message}"):
        render(template, HELLO)
