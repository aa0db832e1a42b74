//! The threads on which commands wait for others.

use crate::say::failure::Failure;
use crate::say::report::Answer;

/// Runs a command that waits for others. Reading stdin blocks a thread that nothing can wake, so
/// the runtime does not wait for it at the end.
pub(crate) fn on_the_network(
    command: impl Future<Output = Result<Answer, Failure>>,
) -> Result<Answer, Failure> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|e| Failure::usage(format!("cannot start threads: {e}")))?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_background();
    outcome
}
