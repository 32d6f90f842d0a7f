//! Measurements in processes of their own. How fast a loop runs depends on where its code, its stack and its data lie, because
//! what predicts branches and what leads loads to stores goes by a few bits of addresses; some loops take twice as long in one
//! place as in another. Within a process all of that stays where it is, so however often it measures, it tells of one
//! layout. The system draws a new one for each process; so a measurement is spread over several, each of which is
//! this program, started by itself.
//!
//! T. Mytkowicz, A. Diwan, M. Hauswirth, P. F. Sweeney: Producing wrong data without doing anything obviously wrong!,
//! ASPLOS 2009. C. Curtsinger, E. D. Berger: Stabilizer: statistically sound performance evaluation, ASPLOS 2013.

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::process::{Command, Stdio};

/// What one process measures.
pub trait Task: Serialize + DeserializeOwned {
    /// The subcommand by which this program takes it.
    const WORD: &'static str;
    /// What is measured.
    type Found: Serialize + DeserializeOwned;

    /// Measures, in the process that it is called in.
    ///
    /// # Errors
    /// Those of the task.
    fn measure(&self) -> Result<Self::Found>;
}

/// Has a process of its own measure.
///
/// # Errors
/// The process cannot be started or fails; what it says is in the error.
pub fn measure<T: Task>(task: &T) -> Result<T::Found> {
    let mut command = Command::new(std::env::current_exe().context("this program is not found")?);
    command.arg(T::WORD).arg(serde_json::to_string(task)?);
    found(&mut command)
}

/// Measures in this process, for the one that started it: takes the task as [`measure`] hands it over, and prints what is found.
///
/// # Errors
/// The text is no such task; those of the task.
pub fn answer<T: Task>(task: &str) -> Result<()> {
    let task: T = serde_json::from_str(task).context("a task comes from this program itself")?;
    println!("{}", serde_json::to_string(&task.measure()?)?);
    Ok(())
}

/// What a process prints.
fn found<F: DeserializeOwned>(command: &mut Command) -> Result<F> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("{command:?} cannot be started"))?;
    let messages = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ends with {}:\n{messages}", output.status);
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{command:?} prints {:?}", String::from_utf8_lossy(&output.stdout)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Samples;

    fn shell(script: &str) -> Result<Vec<Samples>> {
        found(Command::new("sh").arg("-c").arg(script))
    }

    #[test]
    fn what_a_process_prints_is_what_it_found() {
        let samples = [Samples(vec![0.1, 2.0]), Samples(vec![1e-9])];
        let found = shell(&format!("echo '{}'", serde_json::to_string(&samples).unwrap())).unwrap();
        assert_eq!(found.iter().map(|s| s.0.clone()).collect::<Vec<_>>(), [vec![0.1, 2.0], vec![1e-9]]);
    }

    #[test]
    fn errors_have_what_a_process_says_and_how_it_ends() {
        let error = |script| format!("{:#}", shell(script).unwrap_err());
        let failed = error("echo the kernel differs >&2; exit 3");
        assert!(failed.contains("exit status: 3") && failed.contains("the kernel differs"), "{failed}");
        let killed = error("kill -SEGV $$");
        assert!(killed.contains("signal: 11"), "{killed}");
        let confused = error("echo no samples");
        assert!(confused.contains("no samples"), "{confused}");
    }
}
