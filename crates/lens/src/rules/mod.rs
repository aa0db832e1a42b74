//! Rules that change traffic: data, and pure functions of a head.
//!
//! The relay asks [`Rules::on_request`] and [`Rules::on_response`], does what the plan says, and tells
//! each line of [`RequestPlan::by`] as [`crate::flow::What::Note`]. Nothing here does I/O, but for
//! [`Answer::load`], which reads the file that a rule maps to.

mod answer;
mod file;
mod hold;

pub use answer::Answer;
pub use file::RuleError;
pub use hold::{Decision, Held, HeldMessage, Holds};

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

use crate::flow::{Header, RequestHead, ResponseHead};
use crate::query::{Filter, Subject};

/// All rules, in their order. Immutable: a change is a new value.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
}

/// The rules that hold now; changed while traffic flows. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Current(std::sync::Arc<arc_swap::ArcSwap<Rules>>);

impl Current {
    /// These rules, for a start.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let current = Self::default();
        current.set(rules);
        current
    }

    /// The rules that hold.
    #[must_use]
    pub fn get(&self) -> std::sync::Arc<Rules> {
        self.0.load_full()
    }

    /// Others, from the next request on.
    pub fn set(&self, rules: Rules) {
        self.0.store(std::sync::Arc::new(rules));
    }
}

/// One rule: when, and what then.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name in reports; its filter where it has none.
    pub name: String,
    when: Filter,
    /// The filter as it was written.
    pub when_text: String,
    /// What it does.
    pub then: Action,
}

/// What a rule does. All that are set happen; of two rules, the later one wins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Action {
    /// Sends the request elsewhere (map remote): scheme, authority, and what the path begins with.
    pub map: Option<Map>,
    /// Answers from a file, or from a folder by the path (map local).
    pub file: Option<PathBuf>,
    /// Answers with this status, or changes the origin's.
    pub status: Option<u16>,
    /// The body of an answer of ours.
    pub body: Option<String>,
    /// Sets a header of the request, or removes it (`None`).
    pub request_headers: Vec<(String, Option<String>)>,
    /// Sets a header of the answer, or removes it (`None`).
    pub response_headers: Vec<(String, Option<String>)>,
    /// Waits before the request is forwarded.
    pub delay: Option<Duration>,
    /// Bytes a second of each body.
    pub throttle: Option<u64>,
    /// Stops the request until a decision.
    pub break_request: bool,
    /// Stops the response until a decision.
    pub break_response: bool,
    /// Closes the connection instead of answering.
    pub block: bool,
}

/// Where a request goes instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// `http` or `https`.
    pub scheme: String,
    /// Host and port.
    pub authority: String,
    /// What is put before the path; empty, or begins with `/` and does not end with it.
    pub prefix: String,
}

/// What the relay does with a request.
#[derive(Clone, Debug, Default)]
pub struct RequestPlan {
    /// The head to send instead; `None` when no rule changed it. Where it has another scheme or
    /// authority than before, the request goes there.
    pub head: Option<RequestHead>,
    /// Answer this, without asking the origin.
    pub answer: Option<Answer>,
    /// Wait first.
    pub delay: Option<Duration>,
    /// Send each body no faster than so many bytes a second.
    pub throttle: Option<u64>,
    /// Ask [`Holds::request`] first.
    pub hold: bool,
    /// Close the connection.
    pub block: bool,
    /// What was done and by which rule, one line each.
    pub by: Vec<String>,
}

/// What the relay does with an answer.
#[derive(Clone, Debug, Default)]
pub struct ResponsePlan {
    /// The head to send instead.
    pub head: Option<ResponseHead>,
    /// A body to send instead; the head has its length already.
    pub body: Option<Bytes>,
    /// Send the body no faster than so many bytes a second.
    pub throttle: Option<u64>,
    /// Ask [`Holds::response`] first.
    pub hold: bool,
    /// What was done and by which rule, one line each.
    pub by: Vec<String>,
}

impl Rules {
    /// Rules in their order.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules }
    }

    /// Whether there are no rules: then no look-up is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules.
    #[must_use]
    pub fn list(&self) -> &[Rule] {
        &self.rules
    }

    /// What to do with a request.
    #[must_use]
    pub fn on_request(&self, request: &RequestHead) -> RequestPlan {
        let mut plan = RequestPlan::default();
        let subject = Subject { request, response: None };
        for rule in &self.rules {
            if !rule.when.needs_response() && rule.when.matches(subject) {
                rule.change_request(request, &mut plan);
            }
        }
        plan
    }

    /// What to do with an answer of the origin.
    #[must_use]
    pub fn on_response(&self, request: &RequestHead, response: &ResponseHead) -> ResponsePlan {
        let mut plan = ResponsePlan::default();
        let subject = Subject { request, response: Some(response) };
        for rule in &self.rules {
            if rule.when.matches(subject) {
                rule.change_response(response, &mut plan);
            }
        }
        plan
    }
}

impl Rule {
    /// A rule from its parts; an error when the filter asks for more than heads show.
    pub fn new(name: Option<String>, when: &str, then: Action) -> Result<Self, RuleError> {
        let filter = Filter::parse(when).and_then(|f| f.check_for_heads().map(|()| f));
        let filter = filter.map_err(|e| RuleError::new(name.as_deref().unwrap_or(when), e))?;
        Ok(Self {
            name: name.unwrap_or_else(|| when.to_owned()),
            when: filter,
            when_text: when.to_owned(),
            then,
        })
    }

    fn change_request(&self, request: &RequestHead, plan: &mut RequestPlan) {
        let then = &self.then;
        let mut say = |what: String| plan.by.push(format!("{what} (rule {})", self.name));
        if let Some(map) = &then.map {
            let head = plan.head.get_or_insert_with(|| request.clone());
            head.scheme.clone_from(&map.scheme);
            head.authority.clone_from(&map.authority);
            head.path.insert_str(0, &map.prefix);
            set_header(&mut head.headers, "Host", Some(&map.authority), false);
            head.raw = Bytes::new();
            say(format!("sent to {}://{}{}", map.scheme, map.authority, map.prefix));
        }
        if !then.request_headers.is_empty() {
            let head = plan.head.get_or_insert_with(|| request.clone());
            set_headers(&mut head.headers, &then.request_headers);
            head.raw = Bytes::new();
            say("request headers changed".to_owned());
        }
        if let Some(answer) = Answer::of(then) {
            say(format!("answered with {}", answer.told()));
            plan.answer = Some(answer);
        }
        if let Some(delay) = then.delay {
            plan.delay = Some(delay);
            say(format!("delayed by {} ms", delay.as_millis()));
        }
        if let Some(throttle) = then.throttle {
            plan.throttle = Some(throttle);
            say(format!("slowed down to {throttle} bytes a second"));
        }
        if then.block {
            plan.block = true;
            say("blocked".to_owned());
        }
        plan.hold |= then.break_request;
    }

    fn change_response(&self, response: &ResponseHead, plan: &mut ResponsePlan) {
        let then = &self.then;
        let mut say = |what: String| plan.by.push(format!("{what} (rule {})", self.name));
        let answers = Answer::of(then).is_some() && self.when.needs_response();
        if let Some(status) = then.status.filter(|_| answers && then.file.is_none()) {
            let head = plan.head.get_or_insert_with(|| response.clone());
            head.status = status;
            head.reason = Bytes::from_static(answer::reason(status).as_bytes());
            head.raw = Bytes::new();
            say(format!("status changed to {status}"));
        }
        if let Some(body) = then.body.as_ref().filter(|_| answers) {
            let head = plan.head.get_or_insert_with(|| response.clone());
            answer::fit(&mut head.headers, body.len());
            head.raw = Bytes::new();
            plan.body = Some(Bytes::from(body.clone()));
            say("body replaced".to_owned());
        }
        if !then.response_headers.is_empty() {
            let head = plan.head.get_or_insert_with(|| response.clone());
            set_headers(&mut head.headers, &then.response_headers);
            head.raw = Bytes::new();
            say("response headers changed".to_owned());
        }
        if let Some(throttle) = then.throttle {
            plan.throttle = Some(throttle);
        }
        plan.hold |= then.break_response;
    }
}

fn set_headers(headers: &mut Vec<Header>, changes: &[(String, Option<String>)]) {
    for (name, value) in changes {
        set_header(headers, name, value.as_deref(), true);
    }
}

/// Sets a header where it stands, or at the end; removes it without a value.
fn set_header(headers: &mut Vec<Header>, name: &str, value: Option<&str>, add: bool) {
    let is = |header: &Header| header.name.eq_ignore_ascii_case(name.as_bytes());
    let found = headers.iter().position(is);
    let Some(value) = value else {
        headers.retain(|header| !is(header));
        return;
    };
    let value = Bytes::copy_from_slice(value.as_bytes());
    match found {
        Some(at) => {
            headers[at].value = value;
            let mut n = 0;
            headers.retain(|header| {
                n += 1;
                n - 1 <= at || !is(header)
            });
        }
        None if add => {
            headers.push(Header { name: Bytes::copy_from_slice(name.as_bytes()), value });
        }
        None => {}
    }
}
