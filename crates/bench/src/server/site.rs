//! What the server answers, and what it counts: a plain page, and a shop whose orders need the token that it gave out.

/// What every answer says in its body: 200 bytes of JSON.
pub const PAGE: &[u8; 200] = br#"{"ok":true,"id":"0123456789abcdef","name":"a thing of a usual kind","price":{"amount":1999,"currency":"EUR"},"tags":["one","two","three"],"stock":17,"text":"so that there are two hundred of them all"}"#;

/// Behind the title, `ok` and `token`: the length of a page does not depend on its kind.
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: keep-alive\r\nContent-Length: ";
const CREATED: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nConnection: keep-alive\r\nContent-Length: 16\r\n\r\n{\"accepted\":1}\r\n";
const REFUSED: &[u8] = b"HTTP/1.1 409 Conflict\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n";

/// One thread's pages and counts.
#[derive(Debug)]
pub struct Site {
    /// Requests that were complete.
    pub requests: u64,
    /// Orders whose token was given out and was never used before.
    pub orders: u64,
    /// Orders with any other token, or none.
    pub bad_orders: u64,
    page: Vec<u8>,
    /// Whether the token of this number has been used.
    used: Vec<bool>,
}

impl Default for Site {
    fn default() -> Self {
        let head = format!("{OK}{}\r\n\r\n", PAGE.len());
        let page = [head.as_bytes(), PAGE].concat();
        Self { requests: 0, orders: 0, bad_orders: 0, page, used: Vec::new() }
    }
}

impl Site {
    /// Answers one request of HTTP/1.1.
    pub fn answer(&mut self, head: &[u8], body: &[u8], out: &mut Vec<u8>) {
        self.requests += 1;
        if head.starts_with(b"GET /token") {
            self.give_token(out);
        } else if head.starts_with(b"POST /orders") {
            out.extend_from_slice(if self.take_order(body) { CREATED } else { REFUSED });
        } else {
            out.extend_from_slice(&self.page);
        }
    }

    fn give_token(&mut self, out: &mut Vec<u8>) {
        let number = self.used.len() as u64;
        self.used.push(false);
        let body = format!("{{\"token\":\"{number:08x}{:016x}\",\"expires\":3600}}", seal(number));
        out.extend_from_slice(format!("{OK}{}\r\n\r\n{body}", body.len()).as_bytes());
    }

    fn take_order(&mut self, body: &[u8]) -> bool {
        let number = token(body).filter(|number| self.used.get(*number) == Some(&false));
        match number {
            Some(number) => {
                self.used[number] = true;
                self.orders += 1;
            }
            None => self.bad_orders += 1,
        }
        number.is_some()
    }
}

/// The number of the token in an order, if we have sealed it.
fn token(body: &[u8]) -> Option<usize> {
    const DIGITS: usize = 24;
    let key = body.windows(7).position(|seven| seven == b"\"token\"")? + 7;
    // Some writers put a space after the colon.
    let start = key + body[key..].iter().position(|byte| *byte == b'"')? + 1;
    let text = str::from_utf8(body.get(start..start + DIGITS)?).ok()?;
    let number = u64::from_str_radix(&text[..8], 16).ok()?;
    let sealed = u64::from_str_radix(&text[8..], 16).ok()?;
    (sealed == seal(number)).then(|| usize::try_from(number).ok())?
}

/// Nobody guesses this by counting: the mixing of SplitMix64.
fn seal(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(site: &mut Site, head: &str, body: &str) -> String {
        let mut out = Vec::new();
        site.answer(head.as_bytes(), body.as_bytes(), &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_token_buys_once() {
        let mut site = Site::default();
        let answer = ask(&mut site, "GET /token HTTP/1.1\r\n\r\n", "");
        let order = answer.split_once("\r\n\r\n").expect("a body").1.replace(':', ": ");
        assert!(ask(&mut site, "POST /orders HTTP/1.1\r\n\r\n", &order).contains("201"));
        for bad in [order.as_str(), "", "{}", "{\"token\":\"000000010000000000000000\"}"] {
            assert!(ask(&mut site, "POST /orders HTTP/1.1\r\n\r\n", bad).contains("409"), "{bad}");
        }
        assert_eq!((site.requests, site.orders, site.bad_orders), (6, 1, 4));
    }

    #[test]
    fn a_page_is_as_long_as_it_says() {
        let answer = ask(&mut Site::default(), "GET / HTTP/1.1\r\n\r\n", "");
        assert!(answer.contains("Content-Length: 200\r\n"));
        assert_eq!(answer.split_once("\r\n\r\n").expect("a body").1.len(), 200);
    }
}
