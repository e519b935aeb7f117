//! Provisional.
/// a
#[derive(Clone, Debug, PartialEq)]
pub struct CoreSpec {}
/// a
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSpec {}
/// a
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {}
/// a
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineSpec {}
