"""The shapes of workflow documents, one package a language, written from its specification."""
