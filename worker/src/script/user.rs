//! What one virtual user knows: variables, cookies, tokens, and its own chance.

use dlt_model::program::Cookies;
use rand::{SeedableRng, rngs::SmallRng};
use sha2::{Digest, Sha256};
use url::Url;

use super::{auth::Token, cookies::Jar, desk::Desk, program::Scripts, value::Scope};
use crate::{clock::epoch_ms, transport::Answer};

/// What one virtual user knows.
pub struct User {
    pub variables: Vec<String>,
    pub random: SmallRng,
    /// Over all workers, from 1.
    number: u64,
    pub iteration: u64,
    worker: u32,
    jar: Jar,
    /// What the jar held when the user began to iterate; it does again after each iteration that forgets its cookies.
    kept: Jar,
    pub tokens: Vec<Token>,
}

impl User {
    /// A user that has done nothing yet. The same number in the same run has the same chance.
    pub fn new(scripts: &Scripts, flow: &str, number: u64) -> Self {
        let seed = Sha256::new().chain_update(&scripts.seed).chain_update([0]).chain_update(flow);
        let seed = seed.chain_update(number.to_be_bytes()).finalize();
        let mut user = Self {
            variables: vec![String::new(); scripts.slots],
            random: SmallRng::from_seed(seed.into()),
            number: number + 1,
            iteration: 0,
            worker: scripts.worker,
            jar: Jar::default(),
            kept: Jar::default(),
            tokens: Vec::new(),
        };
        for (slot, text) in &scripts.variables {
            user.variables[*slot] = text.get(&mut user.scope());
        }
        user
    }

    /// What texts are filled in from.
    pub fn scope(&mut self) -> Scope<'_> {
        Scope {
            variables: &self.variables,
            random: &mut self.random,
            user: self.number,
            iteration: self.iteration,
            worker: self.worker,
        }
    }

    /// Takes the next row of each feed; says which feed has none.
    pub fn take_rows(&mut self, desk: &Desk) -> Result<(), usize> {
        for (number, (feed, cursor)) in desk.scripts.feeds.iter().zip(&desk.cursors).enumerate() {
            let row = feed.next(cursor, desk.segment, &mut self.random).ok_or(number)?;
            for (slot, value) in feed.columns.iter().zip(row) {
                self.variables[*slot].clear();
                self.variables[*slot].push_str(value);
            }
        }
        Ok(())
    }

    /// The `Cookie` header for this URL.
    pub fn cookies(&mut self, url: &Url) -> Option<String> {
        if self.jar.is_empty() { None } else { self.jar.header(url, now()) }
    }

    /// Keeps the cookies that an answer sets.
    pub fn keep_cookies(&mut self, url: &Url, answer: &Answer, cookies: Cookies) {
        if !answer.sets_cookies || cookies == Cookies::Off {
            return;
        }
        let set = answer.headers().iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        self.keep_set_cookies(url, set.map(|(_, value)| &**value), cookies);
    }

    /// Keeps cookies that were set outside of an answer, each as its header says.
    pub fn keep_set_cookies<'a>(&mut self, url: &Url, set: impl Iterator<Item = &'a str>, cookies: Cookies) {
        if cookies != Cookies::Off {
            set.for_each(|value| self.jar.store(url, value, now()));
        }
    }

    /// From now on these cookies are there at the begin of each iteration.
    pub fn begin_iterating(&mut self) {
        self.kept = self.jar.clone();
    }

    /// Forgets what belongs to one iteration.
    pub fn end_iteration(&mut self, cookies: Cookies) {
        self.iteration += 1;
        if cookies == Cookies::Iteration && !(self.jar.is_empty() && self.kept.is_empty()) {
            self.jar = self.kept.clone();
        }
    }
}

fn now() -> i64 {
    i64::try_from(epoch_ms() / 1_000).unwrap_or(i64::MAX)
}
