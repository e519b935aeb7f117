//! Diagnostics: span, message, help; all problems at once.
