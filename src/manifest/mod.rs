//! Upstream's own objects as text: YAML or JSON to typed specs and back.
