//! The little of ASN.1's distinguished encoding (ITU-T X.690) that passes need beyond what OpenSSL offers:
//! writing a signature around one RSA operation, and reading a private extension of a certificate.
//!
//! The reader accepts any bytes and never panics; lengths above 2^32 do not exist here.

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;

/// A context-specific, constructed tag: `[number]`.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// Appends one element made of `parts` laid end to end.
pub(crate) fn write(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.push(tag);
    if let Ok(short @ ..=0x7f) = u8::try_from(length) {
        out.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let used = bytes.len() - bytes.iter().take_while(|byte| **byte == 0).count();
        // A length has at most eight bytes.
        out.push(0x80 | u8::try_from(used).unwrap_or(8));
        out.extend(bytes.iter().skip(bytes.len() - used));
    }
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// One element made of `parts` laid end to end.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len()).sum::<usize>() + 6);
    write(&mut out, tag, parts);
    out
}

/// One element as found: its tag, its content, and the whole encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// Reads the first element of `input` and what follows it.
pub(crate) fn read(input: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits
                .iter()
                .fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let (whole, _) = input.split_at_checked(input.len() - rest.len())?;
    Some((Element { tag, content, whole }, rest))
}

/// The elements inside a constructed one; stops at the first malformed byte.
pub(crate) fn children(mut content: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || {
        let (element, rest) = read(content)?;
        content = rest;
        Some(element)
    })
}

/// The value of the extension `oid` (its content bytes, without tag and length) of an X.509 certificate:
/// what is inside the extension's octet string (RFC 5280 §4.1).
pub(crate) fn extension<'a>(certificate: &'a [u8], oid: &[u8]) -> Option<&'a [u8]> {
    let (outer, _) = read(certificate)?;
    let (signed_part, _) = read(outer.content)?;
    let extensions = children(signed_part.content).find(|element| element.tag == context(3))?;
    let (list, _) = read(extensions.content)?;
    children(list.content).find_map(|extension| {
        let mut parts = children(extension.content);
        let name = parts.next()?;
        if name.tag != OBJECT_IDENTIFIER || name.content != oid {
            return None;
        }
        parts
            .find(|part| part.tag == OCTET_STRING)
            .map(|part| part.content)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(tag in 0_u8..0x1e, content in prop::collection::vec(any::<u8>(), 0..700)) {
            let bytes = element(tag, &[&content]);
            let (found, rest) = read(&bytes).expect("own encoding");
            prop_assert_eq!(found.tag, tag);
            prop_assert_eq!(found.content, &content[..]);
            prop_assert_eq!(found.whole, &bytes[..]);
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = extension(&bytes, &[42]);
            let _ = children(&bytes).count();
        }
    }

    #[test]
    fn long_lengths_take_as_few_bytes_as_they_can() {
        assert_eq!(element(OCTET_STRING, &[&[0; 127]])[..2], [0x04, 0x7f]);
        assert_eq!(element(OCTET_STRING, &[&[0; 128]])[..3], [0x04, 0x81, 0x80]);
        assert_eq!(element(OCTET_STRING, &[&[0; 256]])[..4], [0x04, 0x82, 0x01, 0x00]);
    }
}
