//! Exports as Parquet: decimals as decimals, instants as timestamps. Rows are written in groups of a bounded number;
//! the footer alone grows with the file, by the format's design.

use super::cells::{Cells, Fill, Table};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use rust_decimal::Decimal;
use std::io::{self, Write};
use std::sync::Arc;
use tollgate_rate_card::round_amount;
use tollgate_wire::Time;

/// Rows of a group, all in memory until it is written: some 2 KiB each in the detail.
#[cfg(not(test))]
const GROUP_ROWS: usize = 16_384;
/// So that a test has several groups.
#[cfg(test)]
const GROUP_ROWS: usize = 3;
/// Digits of a decimal, and the bytes that hold them.
const PRECISION: i32 = 38;
const DECIMAL_BYTES: usize = 16;

/// The file, and the rows that are not written yet.
pub(super) struct Groups<W: Write + Send> {
    /// Taken when the file begins.
    out: Option<W>,
    file: Option<SerializedFileWriter<W>>,
    columns: Columns,
    rows: usize,
}

/// Columns of the rows that are not written yet, and where the row being filled stands.
struct Columns {
    columns: Vec<Column>,
    next: usize,
    decimals: u32,
    /// The columns are only being told.
    telling: bool,
    /// A number had more digits than a decimal of the file.
    too_long: bool,
}

/// The values of a column that are there, and for each row whether it has one.
struct Column {
    values: Values,
    there: Vec<i16>,
}

enum Values {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Decimal(Vec<FixedLenByteArray>, u32),
    Milliseconds(Vec<i64>),
}

impl<W: Write + Send> Groups<W> {
    /// Amounts are written with so many decimals.
    pub(super) fn new(out: W, decimals: u32) -> Self {
        let columns = Columns { columns: Vec::new(), next: 0, decimals, telling: false, too_long: false };
        Self { out: Some(out), file: None, columns, rows: 0 }
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(file) = self.file.as_mut().filter(|_| self.rows > 0) else { return Ok(()) };
        let mut group = file.next_row_group().map_err(io_error)?;
        for column in &mut self.columns.columns {
            let Some(mut out) = group.next_column().map_err(io_error)? else { break };
            let there = Some(column.there.as_slice());
            let written = match &column.values {
                Values::Text(values) => out.typed::<ByteArrayType>().write_batch(values, there, None),
                Values::Integer(values) | Values::Milliseconds(values) => {
                    out.typed::<Int64Type>().write_batch(values, there, None)
                }
                Values::Decimal(values, _) => out.typed::<FixedLenByteArrayType>().write_batch(values, there, None),
            };
            written.map_err(io_error)?;
            out.close().map_err(io_error)?;
            column.clear();
        }
        group.close().map_err(io_error)?;
        self.rows = 0;
        Ok(())
    }
}

impl<W: Write + Send> Table for Groups<W> {
    fn begin(&mut self, names: &[&str], kinds: Fill<'_>) -> io::Result<()> {
        self.columns.telling = true;
        kinds(&mut self.columns);
        self.columns.telling = false;
        let mut fields = Vec::new();
        for (name, column) in names.iter().zip(&mut self.columns.columns) {
            fields.push(Arc::new(column.values.field(name).map_err(io_error)?));
            column.clear();
        }
        let schema = Type::group_type_builder("export").with_fields(fields).build().map_err(io_error)?;
        // The same ledger gives the same bytes: nothing in the file is of the day or the machine.
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("tollgate ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        if let Some(out) = self.out.take() {
            let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(io_error)?;
            self.file = Some(file);
        }
        Ok(())
    }

    fn write(&mut self, fill: Fill<'_>) -> io::Result<()> {
        self.columns.next = 0;
        fill(&mut self.columns);
        if self.columns.too_long {
            let why = format!("a number has more than {PRECISION} digits with its decimals; export CSV");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.flush()?;
        let Some(mut file) = self.file.take() else { return Ok(()) };
        file.finish().map_err(io_error)?;
        file.inner_mut().flush()
    }
}

/// The error of the writer below, so that a full disk is known as one.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

impl Columns {
    /// The next column of the row; while they are told, a new one.
    fn next(&mut self, values: impl FnOnce() -> Values) -> &mut Column {
        if self.telling {
            self.columns.push(Column { values: values(), there: Vec::new() });
            self.next = self.columns.len();
        } else {
            self.next += 1;
        }
        &mut self.columns[self.next - 1]
    }

    fn milliseconds(&mut self, value: i64) {
        let column = self.next(|| Values::Milliseconds(Vec::new()));
        if let Values::Milliseconds(values) = &mut column.values {
            values.push(value);
            column.there.push(1);
        }
    }
}

impl Cells for Columns {
    /// As it is: what reads Parquet runs no text.
    fn text(&mut self, text: &str) {
        let column = self.next(|| Values::Text(Vec::new()));
        column.there.push(i16::from(!text.is_empty()));
        if let Values::Text(values) = &mut column.values
            && !text.is_empty()
        {
            values.push(text.as_bytes().to_vec().into());
        }
    }

    fn integer(&mut self, value: Option<i64>) {
        let column = self.next(|| Values::Integer(Vec::new()));
        column.there.push(i16::from(value.is_some()));
        if let Values::Integer(values) = &mut column.values {
            values.extend(value);
        }
    }

    fn decimal(&mut self, value: Option<Decimal>, decimals: u32) {
        let whole = value.and_then(|value| unscaled(value, decimals));
        self.too_long |= whole.is_none() && value.is_some();
        let column = self.next(|| Values::Decimal(Vec::new(), decimals));
        column.there.push(i16::from(whole.is_some()));
        if let Values::Decimal(values, _) = &mut column.values {
            values.extend(whole.map(|whole| FixedLenByteArray::from(whole.to_be_bytes().to_vec())));
        }
    }

    fn amount(&mut self, amount: Option<Decimal>) {
        self.decimal(amount, self.decimals);
    }

    fn time(&mut self, time: Time) {
        self.milliseconds(time.0.try_into().unwrap_or(i64::MAX));
    }

    fn second(&mut self, second: i64) {
        self.milliseconds(second.saturating_mul(1_000));
    }
}

/// The number as a whole number of its last decimal; `None` beyond [`PRECISION`].
fn unscaled(value: Decimal, decimals: u32) -> Option<i128> {
    let rounded = round_amount(value, decimals);
    let whole = rounded.mantissa().checked_mul(10i128.pow(decimals.saturating_sub(rounded.scale())))?;
    (whole.unsigned_abs() < 10u128.pow(PRECISION as u32)).then_some(whole)
}

impl Column {
    fn clear(&mut self) {
        self.there.clear();
        match &mut self.values {
            Values::Text(values) => values.clear(),
            Values::Integer(values) | Values::Milliseconds(values) => values.clear(),
            Values::Decimal(values, _) => values.clear(),
        }
    }
}

impl Values {
    fn field(&self, name: &str) -> Result<Type, ParquetError> {
        let field = |physical, logical| {
            let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
            field.with_logical_type(logical)
        };
        match self {
            Self::Text(_) => field(Physical::BYTE_ARRAY, Some(LogicalType::String)).build(),
            Self::Integer(_) => field(Physical::INT64, None).build(),
            Self::Milliseconds(_) => {
                field(Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))).build()
            }
            Self::Decimal(_, decimals) => {
                let scale = *decimals as i32;
                field(Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::decimal(scale, PRECISION)))
                    .with_length(DECIMAL_BYTES as i32)
                    .with_precision(PRECISION)
                    .with_scale(scale)
                    .build()
            }
        }
    }
}

#[cfg(test)]
mod tests;
