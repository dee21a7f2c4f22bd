"""Supervised fine-tuning data: conversations, encoded with a mask of what the assistant wrote, and packed."""

from quantatissu.training.conversations.questions import conversation_questions
from quantatissu.training.conversations.records import Record, held_out, read_records
from quantatissu.training.conversations.rows import Packing, Rows
from quantatissu.training.conversations.samples import (
    Conversations,
    ConversationSamples,
    fingerprint,
    read_conversations,
)
from quantatissu.training.conversations.schema import (
    Chat,
    ChatMessage,
    Conversation,
    Preferred,
    Prompted,
    check,
    plain_messages,
)

__all__ = [
    "Chat",
    "ChatMessage",
    "Conversation",
    "ConversationSamples",
    "Conversations",
    "Packing",
    "Preferred",
    "Prompted",
    "Record",
    "Rows",
    "check",
    "conversation_questions",
    "fingerprint",
    "held_out",
    "plain_messages",
    "read_conversations",
    "read_records",
]
