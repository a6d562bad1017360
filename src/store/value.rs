//! Values and rows as both engines hold them: 64-bit integers, text, bytes and nothing else.
//!
//! Conversions into [`Value`] never fail; conversions out of it name what they expected and the kind of value
//! that was there, never the value itself.

use crate::domain::id::{
    AccountId, AuditId, BatchId, CampaignId, CardId, CodeBatchId, CustomerId, DeviceLibraryIdentifier,
    EventId, InvitationId, LinkId, LocationId, MemberId, MemberInvitationId, MerchantId, MessageId, NoteId,
    OfferId, PassTypeIdentifier, ProgramId, PromotionId, PushToken, SegmentId, SerialNumber, StationId,
    TopicNoticeId, UpdateTag, UploadId,
};
use crate::domain::time::{Day, Timestamp};
use crate::store::Error;

/// A value as both engines hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// One row of an answer, read from left to right. Its place in memory serves the next row too.
#[derive(Debug, Default)]
pub struct Row {
    values: Vec<Value>,
    /// Columns read.
    read: usize,
}

pub trait FromValue: Sized + Send {
    fn from_value(value: Value) -> Result<Self, Error>;
}

pub trait FromRow: Sized + Send {
    fn from_row(row: &mut Row) -> Result<Self, Error>;
}

/// Builds the parameters of a statement, `[Value; N]`, from anything that is `Into<Value>`.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        [$($crate::store::Value::from($value)),*]
    };
}
pub(crate) use params;

impl Value {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int(_) => "a number",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }
}

impl Row {
    /// Takes the values of the next row.
    pub(super) fn refill<E>(&mut self, values: impl Iterator<Item = Result<Value, E>>) -> Result<(), E> {
        self.values.clear();
        self.read = 0;
        for value in values {
            self.values.push(value?);
        }
        Ok(())
    }

    /// The next column, as the type that is asked for.
    #[expect(
        clippy::should_implement_trait,
        reason = "each column has a type of its own, so this is no iterator"
    )]
    pub fn next<T: FromValue>(&mut self) -> Result<T, Error> {
        let value = self.values.get_mut(self.read);
        let value = value.ok_or_else(|| Error::inconsistent("another column", "the end of the row"))?;
        self.read += 1;
        T::from_value(std::mem::replace(value, Value::Null))
    }

    /// The whole row, in answer to `sql`.
    pub(super) fn whole<T: FromRow>(&mut self, sql: &'static str) -> Result<T, Error> {
        let whole = T::from_row(self).map_err(|error| error.about(sql))?;
        if self.read == self.values.len() {
            Ok(whole)
        } else {
            Err(Error::inconsistent("the end of the row", "another column").about(sql))
        }
    }
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Int(number) => Ok(number),
            other => Err(Error::inconsistent("a number", other.kind())),
        }
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Int(0) => Ok(false),
            Value::Int(1) => Ok(true),
            Value::Int(_) => Err(Error::inconsistent("0 or 1", "another number")),
            other => Err(Error::inconsistent("0 or 1", other.kind())),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(Error::inconsistent("text", other.kind())),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Blob(bytes) => Ok(bytes),
            other => Err(Error::inconsistent("bytes", other.kind())),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(flag.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl From<&Vec<u8>> for Value {
    fn from(bytes: &Vec<u8>) -> Self {
        Self::Blob(bytes.clone())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! numbers {
    ($($name:ident),* $(,)?) => {$(
        impl From<$name> for Value {
            fn from(number: $name) -> Self {
                Self::Int(number.0)
            }
        }

        impl FromValue for $name {
            fn from_value(value: Value) -> Result<Self, Error> {
                i64::from_value(value).map($name)
            }
        }
    )*};
}

numbers! {
    MerchantId, MemberId, AccountId, MemberInvitationId, LocationId, StationId, ProgramId, CustomerId, CardId, BatchId, CodeBatchId, InvitationId, EventId, UpdateTag, Timestamp, Day, PromotionId, OfferId, CampaignId, NoteId, AuditId, SegmentId, MessageId, LinkId, TopicNoticeId, UploadId,
}

macro_rules! names {
    ($($name:ident),* $(,)?) => {$(
        impl From<$name> for Value {
            fn from(name: $name) -> Self {
                Self::Text(name.into())
            }
        }

        impl From<&$name> for Value {
            fn from(name: &$name) -> Self {
                name.as_str().into()
            }
        }

        impl FromValue for $name {
            fn from_value(value: Value) -> Result<Self, Error> {
                $name::parse(String::from_value(value)?)
                    .map_err(|error| Error::inconsistent("a name that was checked when it was stored", error))
            }
        }
    )*};
}

names! { PassTypeIdentifier, SerialNumber, DeviceLibraryIdentifier, PushToken }

macro_rules! tuples {
    ($(($($column:ident)+))*) => {$(
        impl<$($column: FromValue),+> FromRow for ($($column,)+) {
            fn from_row(row: &mut Row) -> Result<Self, Error> {
                Ok(($(row.next::<$column>()?,)+))
            }
        }
    )*};
}

tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
    (A B C D E F G H I)
    (A B C D E F G H I J)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_made_from_everything_a_column_holds() {
        let serial = SerialNumber::parse("abc").expect("valid");
        let made = params![
            1_i64,
            true,
            "a",
            b"\x01",
            None::<i64>,
            CardId(7),
            &serial,
            Some(Timestamp(5))
        ];
        let expected = [
            Value::Int(1),
            Value::Int(1),
            Value::Text("a".into()),
            Value::Blob(vec![1]),
            Value::Null,
            Value::Int(7),
            Value::Text("abc".into()),
            Value::Int(5),
        ];
        assert_eq!(made, expected);
    }

    #[test]
    fn a_row_of_another_shape_is_refused_without_printing_it() {
        let row = || Row {
            values: vec![Value::Int(1), Value::Text("secret".into())],
            read: 0,
        };
        assert_eq!(
            row().whole::<(CardId, String)>("").ok(),
            Some((CardId(1), "secret".into()))
        );
        for error in [
            row().whole::<(i64,)>("select").expect_err("too short"),
            row().whole::<(i64, i64)>("select").expect_err("not a number"),
            row().whole::<(i64, String, i64)>("select").expect_err("too long"),
        ] {
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
