"""The capture panel: a widget that starts, stops, watches and records."""
