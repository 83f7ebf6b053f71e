//! A command as a shell reads it: words, quotes, escapes and continued lines; nothing is expanded.

/// The words of a command, or what is wrong with it.
pub(crate) fn words(command: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = command.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '\\' => match letters.next() {
                // A continued line.
                Some('\n') => {}
                Some('\r') if letters.peek() == Some(&'\n') => drop(letters.next()),
                Some(escaped) => word.get_or_insert_default().push(escaped),
                None => return Err("the command ends with a backslash".to_owned()),
            },
            '\'' => {
                let into = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('\'') => break,
                        Some(inside) => into.push(inside),
                        None => return Err("a ' is never closed".to_owned()),
                    }
                }
            }
            '"' => {
                let into = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('"') => break,
                        Some('\\') => match letters.next() {
                            Some('\n') => {}
                            Some(escaped @ ('"' | '\\' | '$' | '`')) => into.push(escaped),
                            Some(other) => into.extend(['\\', other]),
                            None => return Err("a \" is never closed".to_owned()),
                        },
                        Some(inside) => into.push(inside),
                        None => return Err("a \" is never closed".to_owned()),
                    }
                }
            }
            '$' if letters.peek() == Some(&'\'') => {
                letters.next();
                ansi(&mut letters, word.get_or_insert_default())?;
            }
            c if c.is_whitespace() => words.extend(word.take()),
            '|' | ';' | '&' | '>' | '<' | '`' => {
                return Err(format!("`{c}` stands outside of quotes: give one curl command, and nothing around it"));
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// `$'…'`, as browsers copy what has line ends or quotes.
fn ansi(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, into: &mut String) -> Result<(), String> {
    const OPEN: &str = "a $' is never closed";
    loop {
        match letters.next().ok_or(OPEN)? {
            '\'' => return Ok(()),
            '\\' => match letters.next().ok_or(OPEN)? {
                'n' => into.push('\n'),
                't' => into.push('\t'),
                'r' => into.push('\r'),
                kind @ ('u' | 'x' | 'U') => {
                    let most = match kind {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    let mut digits = String::new();
                    while digits.len() < most
                        && let Some(digit) = letters.next_if(char::is_ascii_hexdigit)
                    {
                        digits.push(digit);
                    }
                    let character = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    into.push(character.ok_or_else(|| format!("`\\{kind}{digits}` is not a character"))?);
                }
                escaped => into.push(escaped),
            },
            inside => into.push(inside),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_a_shell_makes_of_them() {
        assert_eq!(
            words("curl 'a b' \"c \\\"d\\\" \\n\" \\\n  e\\ f $'g\\n\\u0041\\'' ''"),
            Ok(["curl", "a b", "c \"d\" \\n", "e f", "g\nA'", ""].map(ToOwned::to_owned).to_vec())
        );
        for text in ["curl 'a", "curl \"a", "curl a | jq", "curl $'a", "curl \\"] {
            assert!(words(text).is_err(), "{text}");
        }
    }
}
