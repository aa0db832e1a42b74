//! The questions of `openssl req`: the same ones, in the same order, with the same defaults, so
//! that a tutorial's text and a script's answers fit. Asked on standard error, answered on
//! standard input, which need not be a terminal.

use std::io::{self, BufRead, Write};

use sealwire::pki::Subject;

use crate::say::failure::Failure;

/// What was answered. The last two go into attributes of the request.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) subject: Subject,
    pub(super) challenge_password: Option<String>,
    pub(super) unstructured_name: Option<String>,
}

struct Question {
    attribute: &'static str,
    text: &'static str,
    default: &'static str,
}

const SUBJECT: &[Question] = &[
    Question { attribute: "C", text: "Country Name (2 letter code)", default: "AU" },
    Question { attribute: "ST", text: "State or Province Name (full name)", default: "Some-State" },
    Question { attribute: "L", text: "Locality Name (eg, city)", default: "" },
    Question {
        attribute: "O",
        text: "Organization Name (eg, company)",
        default: "Internet Widgits Pty Ltd",
    },
    Question { attribute: "OU", text: "Organizational Unit Name (eg, section)", default: "" },
    Question { attribute: "CN", text: "Common Name (e.g. server FQDN or YOUR name)", default: "" },
    Question { attribute: "emailAddress", text: "Email Address", default: "" },
];

/// Asks. An answer that does not fit (a country of three letters) is asked for again.
pub(super) fn ask(input: &mut impl BufRead) -> Result<Answers, Failure> {
    say("The answers become the subject of the request: the entity that the certificate names.\n\
         Enter takes the value in [brackets]; a single '.' leaves the field empty.\n")?;
    let mut answers = Answers::default();
    for question in SUBJECT {
        while let Some(answer) = answer(question.text, question.default, input)? {
            match answers.subject.push(question.attribute, &answer) {
                Ok(()) => break,
                Err(error) => say(&format!("{error}\n"))?,
            }
        }
    }
    say("Two extra attributes, which few CAs use (the password is not kept secret):\n")?;
    loop {
        let answer = answer("A challenge password", "", input)?;
        match answer.as_ref().map_or(4, |password| password.chars().count()) {
            4..=20 => {
                answers.challenge_password = answer;
                break;
            }
            _ => say("a challenge password has 4 to 20 characters\n")?,
        }
    }
    answers.unstructured_name = answer("An optional company name", "", input)?;
    Ok(answers)
}

/// One line of input; `None` for an empty field.
fn answer(
    question: &str,
    default: &str,
    input: &mut impl BufRead,
) -> Result<Option<String>, Failure> {
    say(&format!("{question} [{default}]:"))?;
    let mut line = String::new();
    let read =
        input.read_line(&mut line).map_err(|e| Failure::usage(format!("standard input: {e}")))?;
    if read == 0 {
        say("\n")?;
        return Err(Failure::usage(format!("standard input ended at the question {question:?}"))
            .advise("--subject gives the answers at once"));
    }
    Ok(match line.trim_end_matches(['\n', '\r']) {
        "." => None,
        "" => Some(default.to_owned()).filter(|text| !text.is_empty()),
        text => Some(text.to_owned()),
    })
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stderr().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Failure::usage(format!("standard error: {e}")))
}
