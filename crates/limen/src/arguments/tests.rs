//! What can be typed, and what is told of what can't.

use clap::{CommandFactory, Parser, error::ErrorKind};

use super::*;

fn read(words: &[&str]) -> Result<Arguments, clap::Error> {
    Cli::try_parse_from(std::iter::once(&"limen").chain(words)).map(arranged)
}

#[test]
fn the_definition_is_sound_and_every_command_has_an_example() {
    fn walk(command: &clap::Command) {
        if command.get_name() != "help" {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{} has no example", command.get_name());
            assert!(help.lines().all(|line| line.chars().count() <= 100), "{}: {help}", command.get_name());
        }
        command.get_subcommands().for_each(walk);
    }
    Cli::command().debug_assert();
    walk(&Cli::command());
}

/// The examples of the help, word by word, must be what the definition accepts.
#[test]
fn the_examples_can_be_typed() {
    fn examples(command: &clap::Command, into: &mut Vec<String>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let joined = help.replace("\\\n    ", "");
        let lines = joined.lines().filter_map(|line| line.strip_prefix("  limen ")).map(str::to_owned);
        into.extend(lines);
        command.get_subcommands().for_each(|inner| examples(inner, into));
    }
    let mut lines = Vec::new();
    examples(&Cli::command(), &mut lines);
    assert!(lines.len() > 30);
    for line in lines {
        // What stands behind three spaces is a remark.
        let typed = line.split("   ").find(|part| !part.trim().is_empty()).unwrap_or_default();
        let typed = typed.split(" > ").next().unwrap_or_default();
        let mut words: Vec<String> = Vec::new();
        for (at, part) in typed.split('\'').enumerate() {
            if at % 2 == 1 {
                words.push(part.to_owned())
            } else {
                words.extend(part.split_whitespace().map(str::to_owned))
            }
        }
        if typed.starts_with(' ') || words.is_empty() || line.starts_with(' ') {
            continue;
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let Err(error) = read(&words) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn without_a_command_it_is_up() {
    let Command::Up(up) = read(&["--output", "json", "--data-dir", "d"]).expect("up").command else { panic!("not up") };
    assert_eq!((up.data_dir, up.output, up.sample, up.no_sample), (Some("d".into()), Output::Json, false, false));
}

#[test]
fn up_takes_what_other_programs_rely_on() {
    let words = ["up", "--data-dir", "d", "--gateway", "127.0.0.1:0", "--web", "127.0.0.1:0", "--output", "json"];
    let arguments = read(&words).expect("up");
    assert_eq!(arguments.data_dir, PathBuf::from("d"));
    let Command::Up(up) = arguments.command else { panic!("not up") };
    assert_eq!((up.sample(), up.output), (None, Output::Json));
    let sources = up.sources();
    let flags: Vec<_> = sources.flags.iter().map(|(_, flag, text)| (*flag, &**text)).collect();
    assert_eq!(flags, [("--data-dir", "d"), ("--gateway", "127.0.0.1:0"), ("--web", "127.0.0.1:0")]);
    let choice = |words: &[&str]| match read(words).map(|arguments| arguments.command) {
        Ok(Command::Up(up)) => Ok(up.sample()),
        Ok(_) => panic!("not up"),
        Err(error) => Err(error.kind()),
    };
    assert_eq!(choice(&["up", "--sample"]), Ok(Some(true)));
    assert_eq!(choice(&["up", "--no-sample", "--output", "text"]), Ok(Some(false)));
    assert_eq!(choice(&["up", "--no-sample", "--sample"]), Err(ErrorKind::ArgumentConflict));
}

#[test]
fn what_contradicts_itself_is_wrong_use() {
    let cases: [(&[&str], ErrorKind); 8] = [
        (&["token", "revoke"], ErrorKind::MissingRequiredArgument),
        (&["token", "revoke", "--grant", "g", "--user", "u"], ErrorKind::ArgumentConflict),
        (&["notice", "open", "--title", "t"], ErrorKind::MissingRequiredArgument),
        (&["notice", "open", "--title", "t", "--close", "--announce-only"], ErrorKind::ArgumentConflict),
        (&["notice", "open", "--title", "t", "--close", "--operation", "o"], ErrorKind::MissingRequiredArgument),
        (&["notice", "schedule", "--title", "t", "--close", "--begins", "+1m"], ErrorKind::MissingRequiredArgument),
        (
            &["notice", "schedule", "--title", "t", "--close", "--begins", "1m", "--lasts", "1h"],
            ErrorKind::ValueValidation,
        ),
        (&["key", "revoke", "s", "--which", "both"], ErrorKind::InvalidValue),
    ];
    for (words, kind) in cases {
        let error = read(words).expect_err("wrong use");
        assert_eq!((error.kind(), error.exit_code()), (kind, 2), "{words:?}");
    }
}

#[test]
fn completions_name_the_commands() {
    for shell in [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish] {
        assert!(completions(shell).contains("unpublish"), "{shell}");
    }
}
