//! `keep unpack TARGET FOLDER` writes each kept input to a file for libFuzzer; `keep pack TARGET FOLDER` keeps what is
//! in the folder instead of what was kept. Started by `cargo xtask fuzz`.

use std::path::Path;
use std::process::ExitCode;

use limen_fuzz::corpus;

/// Longer inputs say nothing that shorter ones don't, and fill the repository.
const KEPT_MAX_BYTES: usize = 2_048;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["unpack", target, folder] => unpack(target, Path::new(folder)),
        ["pack", target, folder] => pack(target, Path::new(folder)),
        _ => Err(std::io::Error::other("write: keep unpack|pack TARGET FOLDER")),
    };
    if let Err(error) = &done {
        eprintln!("keep: {error}");
    }
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn unpack(target: &str, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (number, input) in corpus::load(target).iter().enumerate() {
        std::fs::write(folder.join(format!("kept-{number:05}")), input)?;
    }
    Ok(())
}

fn pack(target: &str, folder: &Path) -> std::io::Result<()> {
    let mut inputs = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let input = std::fs::read(entry?.path())?;
        if input.len() <= KEPT_MAX_BYTES {
            inputs.push(input);
        }
    }
    println!("{target}: {} inputs are kept", inputs.len());
    corpus::store(target, inputs);
    Ok(())
}
