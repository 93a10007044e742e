//! The worker's side of the protocol: read a question, answer it, until the input closes.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
};

use geobacter_spool::{
    job::{PROTOCOL_VERSION, Request, Response},
    wire,
};

use crate::{compile, disassemble, spool};

/// Serves requests from `input` until it closes.
///
/// # Errors
/// What the pipes say. A request that cannot be met is answered, not returned.
pub fn run(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let mut sysroot: Option<PathBuf> = None;
    while let Some(request) = wire::receive::<Request>(input)? {
        let answer = match (request, &sysroot) {
            (Request::Hello { protocol, .. }, _) if protocol != PROTOCOL_VERSION => Err(format!(
                "the program speaks version {protocol} of the worker's protocol, this cargo-geobacter version {PROTOCOL_VERSION}: rebuild the program with `cargo geobacter build`"
            )),
            (Request::Hello { sysroot: asked, .. }, _) => geobacter_llvm::load(&asked)
                .map(|llvm| {
                    sysroot = Some(asked);
                    Response::Ready { llvm }
                })
                .map_err(|error| error.to_string()),
            (_, None) => Err("the first message must be Hello".to_owned()),
            (Request::Compile(job), Some(sysroot)) => {
                compile::compile(&job, sysroot).map(Response::Compiled).map_err(|error| error.to_string())
            }
            (Request::Disassemble(job), Some(_)) => {
                disassemble::disassemble(&job).map(Response::Disassembled).map_err(|error| error.to_string())
            }
            (Request::Extract(job), Some(_)) => {
                spool::extract(&job).map(Response::Extracted).map_err(|error| error.to_string())
            }
        };
        wire::send(output, &answer.unwrap_or_else(|message| Response::Failed { message }))?;
    }
    Ok(())
}
