"""Pure: model -> text and blocks."""
