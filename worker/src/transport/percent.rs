//! Percent signs in text (RFC 3986, 2.1).

/// What percent signs stand for; those that stand for nothing stay.
pub fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(code.unwrap_or(*byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_code_stays_as_it_is() {
        assert_eq!(decoded("a%20b%3a%zz%4"), b"a b:%zz%4");
        assert_eq!(decoded("é%C3%A9%é"), "éé%é".as_bytes());
    }
}
