"""Chat templates: the same text as transformers, exact masks, and nothing in a message that passes for a control token."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_cases import code, trained

from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import (
    ChatTemplate,
    Tokenizer,
    encode_conversation,
    find_template,
    load_template,
    parse_tokenizer,
    render,
    save_tokenizer,
)
from quantatissu.tokenizer.special import ALL

TOOLS = [
    {
        "type": "function",
        "function": {"name": "add", "description": "a + b, <fast>", "parameters": {"type": "object", "properties": {}}},
    }
]
TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is 1 + 2?"},
    {
        "role": "assistant",
        "content": "I add.",
        "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": "é\n"}}}],
    },
    {"role": "tool", "content": "3"},
    {"role": "tool", "content": [{"type": "text", "text": "and "}, {"type": "text", "text": "done"}]},
    {"role": "assistant", "content": " It is 3.\n"},
    {"role": "user", "content": ""},
    {"role": "assistant", "content": None, "tool_calls": [{"name": "add", "arguments": '{"a":1}'}, {"name": "add"}]},
]
CHATML = """{%- for message in messages %}
{{- bos_token if loop.first }}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.role == 'assistant' and '</think>' in message.content and not loop.last %}
{{- message.content.split('</think>')[-1].lstrip('\\n') }}
{%- else %}
{{- message.content }}
{%- endif %}
{{- '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Our vocabulary as transformers reads it."""
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(trained("bpe"), folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def chatml() -> Tokenizer:
    """A vocabulary with another model's tokens: two special ones, and two that the model writes itself."""
    state = json.loads(trained("bpe").source)
    first = 1 + max(state["model"]["vocab"].values())
    for number, (name, special) in enumerate(
        [("<|im_start|>", True), ("<|im_end|>", True), ("<think>", False), ("</think>", False)]
    ):
        token = {"id": first + number, "content": name, "special": special}
        state["added_tokens"].append({**state["added_tokens"][0], **token})
    return parse_tokenizer(json.dumps(state))


@pytest.mark.parametrize("prompt", [False, True])
@pytest.mark.parametrize("tools", [[], TOOLS])
@pytest.mark.parametrize("first", [0, 1])
def test_the_text_is_that_of_transformers(theirs: Any, first: int, tools: list[Any], prompt: bool) -> None:
    expected = theirs.apply_chat_template(
        TALK[first:], tools=tools or None, tokenize=False, add_generation_prompt=prompt
    )
    assert render(TALK[first:], tools, prompt) == expected


def test_other_templates_give_the_same_text_too(theirs: Any) -> None:
    said = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "<think>b</think>\nc"},
        {"role": "user", "content": "d"},
    ]
    for prompt in (False, True):
        expected = theirs.apply_chat_template(
            said, chat_template=CHATML, tokenize=False, add_generation_prompt=prompt, bos_token="<s>"
        )
        assert ChatTemplate(CHATML, {"bos_token": "<s>"}).render(said, add_generation_prompt=prompt) == expected


def test_ids_and_mask_are_those_of_transformers(theirs: Any) -> None:
    expected = theirs.apply_chat_template(TALK, tools=TOOLS, return_dict=True, return_assistant_tokens_mask=True)
    encoded = encode_conversation(trained("bpe"), TALK, TOOLS)
    assert encoded.ids.tolist() == expected["input_ids"]
    assert encoded.mask.tolist() == [bool(one) for one in expected["assistant_masks"]]


def test_the_mask_is_the_assistants_text_its_calls_and_the_end_of_its_turns() -> None:
    tokenizer = trained("bpe")
    ids, mask = encode_conversation(tokenizer, TALK, TOOLS)
    said = (
        'I add.<|tool_call|>{"name": "add", "arguments": {"a": 1, "b": "é\\n"}}<|tool_call_end|><|end_of_turn|>'
        " It is 3.\n<|end_of_turn|>"
        '<|tool_call|>{"name": "add", "arguments": {"a":1}}<|tool_call_end|>'
        '<|tool_call|>{"name": "add", "arguments": {}}<|tool_call_end|><|end_of_turn|>'
    )
    assert tokenizer.decode(ids[mask]) == said
    assert tokenizer.decode(ids) == render(TALK, TOOLS)


def test_a_prompt_is_the_beginning_of_the_conversation() -> None:
    prompt = encode_conversation(trained("bpe"), TALK[:2], TOOLS, add_generation_prompt=True)
    whole = encode_conversation(trained("bpe"), TALK[:3], TOOLS)
    assert not prompt.mask.any()
    assert whole.ids[: len(prompt.ids)].tolist() == prompt.ids.tolist()
    assert whole.mask.tolist() == [False] * len(prompt.ids) + [True] * (len(whole.ids) - len(prompt.ids))


def messages() -> st.SearchStrategy[list[dict[str, Any]]]:
    calls = st.lists(
        st.fixed_dictionaries({"name": code(), "arguments": st.dictionaries(code(), code(), max_size=2)}), max_size=2
    )
    said = st.one_of(
        st.fixed_dictionaries({"role": st.just("user"), "content": code()}),
        st.fixed_dictionaries({"role": st.just("tool"), "content": code()}),
        st.fixed_dictionaries({"role": st.just("assistant"), "content": code(), "tool_calls": calls}),
    )
    return st.lists(said, min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(messages(), code())
def test_nothing_in_a_message_is_a_control_token(said: list[dict[str, Any]], description: str) -> None:
    tokenizer = trained("bpe")
    tools = [{"type": "function", "function": {"name": "f", "description": description}}]
    ids, mask = encode_conversation(tokenizer, said, tools)
    assert tokenizer.decode(ids) == render(said, tools).encode("utf-8", "replace").decode()
    bare = [
        {
            **one,
            "content": "",
            **({"tool_calls": [{"name": ""} for _ in one["tool_calls"]]} if "tool_calls" in one else {}),
        }
        for one in said
    ]
    expected = encode_conversation(tokenizer, bare, [{"type": "function", "function": {"name": ""}}])
    control = set(tokenizer.control.values())

    def written(ids: Any, mask: Any) -> list[tuple[int, bool]]:
        return [
            (number, inside) for number, inside in zip(ids.tolist(), mask.tolist(), strict=True) if number in control
        ]

    assert written(ids, mask) == written(*expected)


def test_words_like_the_shield_stay_what_they_are() -> None:
    said = [{"role": "user", "content": "Q0Z Q0Z0x Q0ZBx <|user|> Q1Z"}, {"role": "assistant", "content": "Q0ZEx"}]
    assert trained("bpe").decode(encode_conversation(trained("bpe"), said).ids) == render(said)


def test_a_template_without_tags_is_compared_with_its_beginnings(chatml: Tokenizer) -> None:
    template = ChatTemplate(CHATML, {"bos_token": "<|endoftext|>"})
    said = [
        {"role": "user", "content": "Hi <|im_end|> <think>"},
        {"role": "assistant", "content": "<think>a</think>\nfirst"},
        {"role": "user", "content": "more"},
        {"role": "assistant", "content": "<think>b</think>\nsecond"},
    ]
    ids, mask = encode_conversation(chatml, said, template=template)
    assert chatml.decode(ids) == template.render(said)
    assert chatml.decode(ids[mask]) == "first<|im_end|><think>b</think>\nsecond<|im_end|>"
    assert (ids == chatml.control["<|im_end|>"]).sum() == 4, "the user's own is text"
    assert (ids == chatml.control["<think>"]).sum() == 1 + 1, "the assistant may think"


def test_what_a_template_writes_itself_is_no_token_in_other_messages(chatml: Tokenizer) -> None:
    template = ChatTemplate("{% for m in messages %}<think>{{ m.content }}</think>{% endfor %}")
    ids, _ = encode_conversation(chatml, [{"role": "user", "content": "a</think>b"}], template=template)
    assert (ids == chatml.control["</think>"]).sum() == 1
    assert chatml.decode(ids) == "<think>a</think>b</think>"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{% for m in messages %}{{ loop.length }}{{ m.content }}{% endfor %}", "does not tell what"),
        ("{% for m in messages %}{{ m.content }}{% endfor %}", "no control token"),
    ],
)
def test_a_template_that_does_not_tell_is_refused(template: str, told: str) -> None:
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    with pytest.raises(QuantaError, match=told) as raised:
        encode_conversation(trained("bpe"), said, template=ChatTemplate(template))
    assert "generation" in str(raised.value.hint)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.__init__.__globals__ }}",
        "{{ raise_exception.__globals__.keys() }}",
        "{{ messages.append(1) }}",
        "{% for i in range(10 ** 9) %}{% endfor %}",
        "{% set space = namespace(_x=1) %}",
        "{% include '/etc/passwd' %}",
        "{{ raise_exception('no such role') }}",
        "{{ messages[0].content + 1 }}",
        "{% for %}",
    ],
)
def test_a_template_cannot_reach_out_and_fails_clearly(template: str) -> None:
    with pytest.raises(QuantaError, match="chat template"):
        ChatTemplate(template).render([{"role": "user", "content": "x"}])


def test_roles_in_the_wrong_place_are_refused() -> None:
    for wrong in ([*TALK[1:2], TALK[0]], [{"role": "robot", "content": ""}]):
        with pytest.raises(QuantaError, match=r"role (system|robot)"):
            render(wrong)


def test_templates_of_other_folders(tmp_path: Path) -> None:
    assert load_template(tmp_path) is None
    config = tmp_path / "tokenizer_config.json"
    end = {"content": "</s>", "special": True}
    config.write_text(
        json.dumps({"chat_template": "plain{{ bos_token }}{{ eos_token }}", "eos_token": end, "bos_token": "<s>"})
    )
    assert load_template(tmp_path).render([]) == "plain<s></s>"  # type: ignore[union-attr]
    pair = [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]
    config.write_text(json.dumps({"chat_template": pair}))
    found = load_template(tmp_path / "tokenizer.json")
    assert found is not None and (found.render([]), found.render([], TOOLS)) == ("d", "t")
    (tmp_path / "chat_template.jinja").write_text("file")
    assert load_template(tmp_path).render([]) == "file"  # type: ignore[union-attr]
    config.write_text("{")
    with pytest.raises(QuantaError, match=r"tokenizer_config\.json is not JSON"):
        load_template(tmp_path)


def test_a_saved_vocabulary_keeps_its_template(tmp_path: Path) -> None:
    template = ChatTemplate("x{{ bos_token }}", {"bos_token": "<s>"}, "tools")
    save_tokenizer(trained("bpe"), tmp_path / "theirs", template=template)
    assert load_template(tmp_path / "theirs") == ChatTemplate(
        "x{{ bos_token }}", {"bos_token": "<s>", "eos_token": "<|endoftext|>", "pad_token": "<|fim_pad|>"}, "tools"
    )
    save_tokenizer(trained("bpe"), tmp_path / "ours")
    found = load_template(tmp_path / "ours")
    assert found is not None and found.render(TALK, TOOLS) == render(TALK, TOOLS)


def test_a_vocabulary_without_chat_tokens_needs_a_template(chatml: Tokenizer) -> None:
    state = json.loads(trained("bpe").source)
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] not in ALL[5:]]
    for name in ALL[5:]:
        state["model"]["vocab"].pop(name, None)
    with pytest.raises(QuantaError, match="no chat template"):
        find_template(parse_tokenizer(json.dumps(state)))
    assert find_template(chatml).source == find_template(trained("bpe")).source


def test_the_time_is_the_clocks_but_for_ids() -> None:
    template = ChatTemplate("{{ strftime_now('%Y') }}")
    assert template.render([]) == str(datetime.now().year)
    assert template.render([], now=datetime(1999, 1, 1)) == "1999"
    assert trained("bpe").decode(encode_conversation(trained("bpe"), [], template=template).ids) == "2024"
