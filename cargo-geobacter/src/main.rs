//! `cargo geobacter`: run, build, test, sim, inspect, list, devices, cache, doctor, new.
//!
//! One program in four roles, told apart before the command line is parsed:
//! * what a person types: [`cli`] and one file for each subcommand; `run`, `build` and `test` become cargo
//!   ([`cargo_invocation`]);
//! * the rustc wrapper and the link shim of that cargo (`geobacter_compiler_patch`), once for each crate, so nothing
//!   here may be slow before [`Role::of`] has answered;
//! * `worker`: generates code on standard input and output (`geobacter_respool::worker`). Only it loads LLVM.

mod cache;
mod cargo_invocation;
mod cli;
mod cuda_tools;
mod devices;
mod doctor;
mod inspect;
mod list;
mod new_project;
mod print;
mod sim;
mod simulated;
mod table;

use std::{
    env,
    ffi::OsString,
    io,
    os::unix::process::ExitStatusExt,
    process::{ExitCode, ExitStatus},
};

use clap::Parser;
use geobacter_compiler_patch::{Role, link, wrap};

use cargo_invocation::CargoFailed;
use cli::{Cli, Command};

/// The exit code of a command line that is not understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let done = match Role::of(&arguments) {
        Some(Role::RustcWrapper(command)) => wrap_rustc(&command),
        Some(Role::Linker { job, arguments }) => match link(&job, &arguments) {
            Ok(never) => match never {},
            Err(error) => Err(error.into()),
        },
        None => {
            // `cargo geobacter X` starts `cargo-geobacter geobacter X`.
            if arguments.first().is_some_and(|first| first == "geobacter") {
                arguments.remove(0);
            }
            obey(&arguments)
        }
    };
    done.unwrap_or_else(|error: anyhow::Error| match error.downcast_ref::<CargoFailed>() {
        Some(CargoFailed(code)) => ExitCode::from(u8::try_from(*code).unwrap_or(101)),
        None => {
            eprintln!("error: {error:#}");
            if error.is::<UsageError>() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    })
}

fn wrap_rustc(command: &[OsString]) -> anyhow::Result<ExitCode> {
    let program = env::current_exe()?;
    let status = wrap(command, &program, &mut io::stderr())?;
    Ok(exit_code(status))
}

fn exit_code(status: ExitStatus) -> ExitCode {
    // The shell's convention for signals.
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn obey(arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    // cargo's own arguments must arrive as they are, and clap would take the first `--` for its own.
    if let Some((subcommand @ ("run" | "build" | "test" | "r" | "b" | "t"), rest)) =
        arguments.split_first().and_then(|(first, rest)| Some((first.to_str()?, rest)))
        && !rest.first().is_some_and(|first| first == "--help" || first == "-h")
    {
        match cargo_invocation::become_cargo(subcommand, rest)? {}
    }
    let cli = Cli::parse_from([OsString::from("cargo geobacter")].iter().chain(arguments));
    match cli.command {
        // Only their `--help` comes this far, and clap has answered it.
        Command::Run(_) | Command::Build(_) | Command::Test(_) => Ok(ExitCode::SUCCESS),
        Command::Sim(arguments) => match sim::become_program(&arguments)? {},
        Command::Inspect(arguments) => inspect::inspect(&arguments),
        Command::List(arguments) => list::list(&arguments.program, arguments.json),
        Command::Devices(output) => devices::devices(output.json),
        Command::Cache(command) => cache::cache(command),
        Command::Doctor(output) => doctor::doctor(output.json),
        Command::New(arguments) => new_project::new_project(&arguments.path),
        Command::Worker => {
            geobacter_respool::worker::run(&mut io::stdin().lock(), &mut io::stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The command line asks for something that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);
