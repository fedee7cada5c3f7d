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

/// How a field begins: what is to be known of it before all of it is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Its number.
    pub(crate) number: u64,
    /// Whether it holds bytes.
    is_delimited: bool,
    /// Its number, where it is a varint.
    varint: u64,
    /// Where what it holds begins.
    pub(crate) begins: usize,
    /// Where it ends.
    pub(crate) ends: usize,
}

/// How the field at the beginning of `bytes` begins; `None` when none does.
pub(crate) fn head(bytes: &[u8]) -> Option<Head> {
    let mut rest = bytes;
    let key = varint(&mut rest)?;
    let mut begins = bytes.len() - rest.len();
    let mut value = 0;
    let length = match key & 7 {
        0 => {
            value = varint(&mut rest)?;
            bytes.len() - rest.len() - begins
        }
        1 => 8,
        2 => {
            let length = varint(&mut rest)?;
            begins = bytes.len() - rest.len();
            usize::try_from(length).ok()?
        }
        5 => 4,
        _ => return None,
    };
    let ends = begins.checked_add(length)?;
    Some(Head { number: key >> 3, is_delimited: key & 7 == 2, varint: value, begins, ends })
}

/// The fields of a message, in their order; `None` when it is none.
pub(crate) fn fields(message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut found = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let head = head(rest)?;
        let whole = rest.get(..head.ends)?;
        let bytes = if head.is_delimited { &whole[head.begins..] } else { &[] };
        found.push(Field { number: head.number, whole, bytes, varint: head.varint });
        rest = &rest[head.ends..];
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
