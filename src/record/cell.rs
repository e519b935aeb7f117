//! From a serde row to the cells of a table.
//!
//! The csv crate writes whole floats as `5.0`; tables here hold the shortest form that reads back exactly, `5`. So rows
//! are taken apart here, and only quoting and line ends are left to it.

use serde::de::{self, Deserialize, Visitor};
use serde::ser::{self, Impossible, Serialize};
use std::fmt;

/// Column names of a row type: its field names in order, as serde reads them. Empty for what is no struct.
pub fn columns_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut columns: &'static [&'static str] = &[];
    // The answer comes by the way; the call itself always fails, since there is nothing to read.
    let _ = T::deserialize(FieldNames { columns: &mut columns });
    columns
}

/// Appends the shortest form that reads back exactly: `5`, `7.5`, `1e-7`.
pub fn push_number(text: &mut String, value: f64) {
    use fmt::Write;
    let size = value.abs();
    let result = if size == 0.0 {
        text.write_str("0")
    } else if (1e-5..1e16).contains(&size) || !value.is_finite() {
        write!(text, "{value}")
    } else {
        write!(text, "{value:e}")
    };
    result.expect("a string takes any text");
}

/// The shortest form that reads back exactly.
pub fn number(value: f64) -> String {
    let mut text = String::new();
    push_number(&mut text, value);
    text
}

/// Why a row is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellError(String);

impl fmt::Display for CellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CellError {}

impl ser::Error for CellError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl de::Error for CellError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Takes a row apart and hands each cell's text to `put`, in order. `text` is working space.
pub struct Cells<'a, F> {
    /// Working space for numbers.
    pub text: &'a mut String,
    /// Takes a cell.
    pub put: F,
}

impl<F: FnMut(&str) -> Result<(), CellError>> Cells<'_, F> {
    fn put_display(&mut self, value: impl fmt::Display) -> Result<(), CellError> {
        use fmt::Write;
        self.text.clear();
        write!(self.text, "{value}").expect("a string takes any text");
        (self.put)(self.text)
    }
}

macro_rules! put_as_displayed {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, value: $type) -> Result<(), CellError> {
            self.put_display(value)
        }
    )*};
}

impl<F: FnMut(&str) -> Result<(), CellError>> ser::Serializer for &mut Cells<'_, F> {
    type Ok = ();
    type Error = CellError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Impossible<(), CellError>;
    type SerializeMap = Impossible<(), CellError>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), CellError>;

    put_as_displayed! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_char: char,
    }

    fn serialize_f32(self, value: f32) -> Result<(), CellError> {
        self.put_display(value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), CellError> {
        self.text.clear();
        push_number(self.text, value);
        (self.put)(self.text)
    }

    fn serialize_str(self, value: &str) -> Result<(), CellError> {
        (self.put)(value)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), CellError> {
        Err(ser::Error::custom("bytes are no cell"))
    }

    fn serialize_none(self) -> Result<(), CellError> {
        (self.put)("")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CellError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), CellError> {
        (self.put)("")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), CellError> {
        (self.put)("")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), CellError> {
        (self.put)(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), CellError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), CellError> {
        Err(ser::Error::custom("an enum with data is no cell"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, CellError> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, CellError> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, CellError> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, CellError> {
        Err(ser::Error::custom("an enum with data is no cell"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, CellError> {
        Err(ser::Error::custom("a map has no fixed columns"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, CellError> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, CellError> {
        Err(ser::Error::custom("an enum with data is no cell"))
    }
}

macro_rules! each_element_is_a_cell {
    ($($part:ident: $method:ident,)*) => {$(
        impl<F: FnMut(&str) -> Result<(), CellError>> ser::$part for &mut Cells<'_, F> {
            type Ok = ();
            type Error = CellError;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CellError> {
                value.serialize(&mut **self)
            }
            fn end(self) -> Result<(), CellError> {
                Ok(())
            }
        }
    )*};
}

each_element_is_a_cell! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
}

impl<F: FnMut(&str) -> Result<(), CellError>> ser::SerializeStruct for &mut Cells<'_, F> {
    type Ok = ();
    type Error = CellError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), CellError> {
        value.serialize(&mut **self)
    }
    fn end(self) -> Result<(), CellError> {
        Ok(())
    }
}

/// A source without content that remembers which fields it was asked for.
struct FieldNames<'a> {
    columns: &'a mut &'static [&'static str],
}

impl<'de> de::Deserializer<'de> for FieldNames<'_> {
    type Error = CellError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, CellError> {
        Err(de::Error::custom("no content, only names"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CellError> {
        *self.columns = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_read_back_exactly() {
        let forms = [
            (0.0, "0"),
            (-0.0, "0"),
            (5.0, "5"),
            (7.5, "7.5"),
            (-2.25, "-2.25"),
            (0.1 + 0.2, "0.30000000000000004"),
            (7_200.000_000_001, "7200.000000001"),
            (1e-7, "1e-7"),
            (1e20, "1e20"),
        ];
        for (value, form) in forms {
            assert_eq!(number(value), form);
        }
        let mut bits = 1_u64;
        for _ in 0..10_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                assert_eq!(number(value).parse(), Ok(value));
            }
        }
    }

    #[test]
    fn columns_are_the_names_that_serde_reads() {
        let columns = columns_of::<crate::record::EventRow>();
        assert_eq!(columns, ["time_s", "object", "kind", "type", "reason", "message"]);
        assert!(columns_of::<u64>().is_empty());
    }
}
