//! Protocol buffers as far as the gateway looks into them: fields by number, their bytes untouched.
//!
//! **Invariant:** what is not looked for is passed on byte by byte.

/// A field of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    /// Its number.
    pub(crate) number: u64,
    /// All of it, key included.
    pub(crate) whole: &'a [u8],
    /// What it holds: the bytes of a length-delimited field, else nothing.
    pub(crate) bytes: &'a [u8],
    /// Its number, where it is a varint.
    pub(crate) varint: u64,
}

/// The fields of a message, in their order; `None` when it is none.
pub(crate) fn fields(message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut found = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let start = rest;
        let key = varint(&mut rest)?;
        let mut field = Field { number: key >> 3, whole: start, bytes: &[], varint: 0 };
        match key & 7 {
            0 => field.varint = varint(&mut rest)?,
            1 => rest = rest.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                field.bytes = rest.get(..length)?;
                rest = &rest[length..];
            }
            5 => rest = rest.get(4..)?,
            _ => return None,
        }
        field.whole = &start[..start.len() - rest.len()];
        found.push(field);
    }
    Some(found)
}

/// The text of field `number`; empty when it is not there.
pub(crate) fn text(fields: &[Field<'_>], number: u64) -> String {
    let found = fields.iter().find(|field| field.number == number);
    found.map(|field| String::from_utf8_lossy(field.bytes).into_owned()).unwrap_or_default()
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
