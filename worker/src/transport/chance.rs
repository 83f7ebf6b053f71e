//! The chance that TLS needs, gathered before anybody waits for it.
//!
//! The library measures the processor's jitter when it is first asked, which takes a tenth of a second: without this the
//! first handshake of a run would hold up everybody else on its thread.

use dlt_model::{
    program::{Program, Step},
    template::Template,
};
use rustls::crypto::aws_lc_rs;

/// Whether any step may speak TLS. A redirect to it is not foreseen, and gathers its chance when it comes.
pub fn is_needed(program: &Program) -> bool {
    program.steps().any(|step| match step {
        Step::Request(request) => may_be_tls(&request.url),
        Step::WebSocket(socket) => may_be_tls(&socket.url),
        Step::Grpc(grpc) => may_be_tls(&grpc.url),
        Step::Tcp(tcp) => tcp.tls,
        _ => false,
    })
}

/// Gathers it, for all threads.
pub fn gather() {
    let mut byte = [0];
    // Whoever fails here fails again in the handshake, which says so.
    let _ = aws_lc_rs::default_provider().secure_random.fill(&mut byte);
}

fn may_be_tls(url: &Template) -> bool {
    let known = url.render(|_| String::new());
    !["http:", "ws:"].iter().any(|scheme| known.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use dlt_model::program::{Flow, Request};

    use super::*;

    #[test]
    fn chance_is_gathered_where_a_url_may_want_it() {
        for (url, expected) in [
            ("http://a.test/", false),
            ("http://a.test/{{ page }}", false),
            ("https://a.test/", true),
            ("{{ base }}/page", true),
        ] {
            let request = Request::new("GET", url.parse().expect("a template"));
            let deep =
                Step::Group { name: "g".to_owned(), transaction: false, steps: vec![Step::Request(Box::new(request))] };
            let flow = Flow { steps: vec![deep], ..Flow::default() };
            let program = Program { flows: [("f".to_owned(), flow)].into(), ..Program::default() };
            assert_eq!(is_needed(&program), expected, "{url}");
        }
        assert!(!is_needed(&Program::default()));
        gather();
    }
}
