//! stub
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Quantity(i128);
#[allow(missing_docs)]
impl Quantity {
    pub fn parse(t: &str) -> Result<Self, String> {
        let t2 = t.trim_end_matches(|c: char| !c.is_ascii_digit());
        let n: i128 = t2.parse::<i128>().map_err(|e| e.to_string())?;
        Ok(Self(match &t[t2.len()..] { "m" => n, "" => n * 1000, "Ki" => n * 1024_000, "Mi" => n * 1048576_000, "Gi" => n * (1000 << 30), "G" => n * 1_000_000_000_000, _ => return Err(String::new()) }))
    }
    pub fn milli_value(&self) -> i64 { self.0 as i64 }
    pub fn value(&self) -> i64 { (self.0 / 1000) as i64 }
    pub fn from_nanos(n: i128) -> Self { Self(n / 1_000_000) }
    pub fn from_millis(n: i64) -> Self { Self(n.into()) }
    pub fn from_units(n: i64) -> Self { Self(i128::from(n) * 1000) }
}
