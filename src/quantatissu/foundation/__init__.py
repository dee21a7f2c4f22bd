"""What every room stands on: errors that speak to people, settings, and where state lives on disk."""

from quantatissu.foundation.errors import QuantaError

__all__ = ["QuantaError"]
