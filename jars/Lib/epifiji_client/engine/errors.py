"""The error that ends a command with one sentence for the user (Jython 2.7)."""


class EngineError(Exception):
    """An error with a sentence for the user; kind is input, cancelled or failure."""

    def __init__(self, sentence, kind="failure", details=""):
        Exception.__init__(self, sentence)
        self.sentence, self.kind, self.details = sentence, kind, details
