//! Reading a row column by column. What does not fit is an error that names table, column and
//! row: never a default.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, Type};
use uuid::Uuid;

use super::{Error, Result};
use crate::domain::name::Name;
use crate::domain::resource::Key;
use crate::domain::time::from_micros;

/// A row that is being read.
pub(super) struct Reading<'r> {
    row: &'r SqliteRow,
    table: &'static str,
    key: String,
}

impl<'r> Reading<'r> {
    /// Opens a row of `table`; `key_column` names the row in errors.
    pub(super) fn of(row: &'r SqliteRow, table: &'static str, key_column: &str) -> Self {
        let key = row.try_get::<String, _>(key_column).unwrap_or_else(|_| key_column.to_owned());
        Self { row, table, key }
    }

    /// The machine or workspace that the columns `kind`, `namespace` and `name` say.
    pub(super) fn resource(&self) -> Result<Key> {
        Ok(Key { kind: self.word("kind")?, namespace: self.name("namespace")?, name: self.name("name")? })
    }

    fn get<T>(&self, column: &'static str) -> Result<T>
    where
        T: sqlx::Decode<'r, Sqlite> + Type<Sqlite>,
    {
        self.row.try_get(column).map_err(|error| self.broken(column, &error))
    }

    fn broken(&self, column: &'static str, reason: &dyn std::fmt::Display) -> Error {
        Error::Row { table: self.table, column, row: self.key.clone(), reason: reason.to_string() }
    }

    pub(super) fn text(&self, column: &'static str) -> Result<String> {
        self.get(column)
    }

    pub(super) fn text_or_null(&self, column: &'static str) -> Result<Option<String>> {
        self.get(column)
    }

    pub(super) fn flag(&self, column: &'static str) -> Result<bool> {
        Ok(self.get::<i64>(column)? != 0)
    }

    pub(super) fn count(&self, column: &'static str) -> Result<u64> {
        u64::try_from(self.get::<i64>(column)?).map_err(|error| self.broken(column, &error))
    }

    pub(super) fn count_or_null(&self, column: &'static str) -> Result<Option<u64>> {
        let count = self.get::<Option<i64>>(column)?.map(u64::try_from);
        count.transpose().map_err(|error| self.broken(column, &error))
    }

    pub(super) fn count_u32(&self, column: &'static str) -> Result<u32> {
        u32::try_from(self.get::<i64>(column)?).map_err(|error| self.broken(column, &error))
    }

    pub(super) fn time(&self, column: &'static str) -> Result<Timestamp> {
        Ok(from_micros(self.get(column)?))
    }

    pub(super) fn time_or_null(&self, column: &'static str) -> Result<Option<Timestamp>> {
        Ok(self.get::<Option<i64>>(column)?.map(from_micros))
    }

    pub(super) fn uuid(&self, column: &'static str) -> Result<Uuid> {
        self.text(column)?.parse().map_err(|error| self.broken(column, &error))
    }

    pub(super) fn name(&self, column: &'static str) -> Result<Name> {
        Name::parse(&self.text(column)?).map_err(|error| self.broken(column, &error))
    }

    pub(super) fn name_or_null(&self, column: &'static str) -> Result<Option<Name>> {
        let text = self.text_or_null(column)?;
        text.map(|text| Name::parse(&text)).transpose().map_err(|error| self.broken(column, &error))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        serde_json::from_str(self.get::<&str>(column)?).map_err(|error| self.broken(column, &error))
    }

    pub(super) fn json_or_null<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>> {
        let text = self.get::<Option<&str>>(column)?;
        text.map(serde_json::from_str).transpose().map_err(|error| self.broken(column, &error))
    }

    /// A word of a fixed set, read as serde reads the enum.
    pub(super) fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        let word = serde_json::Value::String(self.text(column)?);
        serde_json::from_value(word).map_err(|error| self.broken(column, &error))
    }

    pub(super) fn word_or_null<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>> {
        let word = self.text_or_null(column)?.map(serde_json::Value::String);
        word.map(serde_json::from_value).transpose().map_err(|error| self.broken(column, &error))
    }

    /// What is missing for the state that the row claims.
    pub(super) fn required<T>(&self, column: &'static str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.broken(column, &"is missing for the row's state"))
    }
}

/// Microseconds since the Unix epoch, as times are stored.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A count as SQLite keeps it.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
