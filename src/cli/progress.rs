//! Progress: a bar on a terminal after half a second, a line now and then with `-v`, nothing else.

use super::Voice;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Shows how far some runs have come, until it is dropped.
pub(super) struct Progress {
    /// Thousandths of each run's duration.
    pub reached: Arc<Vec<AtomicU64>>,
    over: Arc<AtomicBool>,
    shown: Option<JoinHandle<()>>,
}

impl Progress {
    /// For `runs` runs called `name`.
    pub fn of(name: &str, runs: usize, voice: Voice) -> Self {
        let reached = (0..runs).map(|_| AtomicU64::new(0)).collect();
        Self::begun(name, reached, 1_000 * runs as u64, "[{bar:24}] {percent:>3}%  eta {eta}  {msg}", voice)
    }

    /// For many short runs, of which some have been done before: the one number counts those that are done.
    pub fn counted(name: &str, runs: u64, before: u64, voice: Voice) -> Self {
        let template = "[{bar:24}] {pos}/{len}  {percent:>3}%  eta {eta}  {msg}";
        Self::begun(name, vec![AtomicU64::new(before)], runs, template, voice)
    }

    fn begun(name: &str, reached: Vec<AtomicU64>, whole: u64, template: &'static str, voice: Voice) -> Self {
        let reached = Arc::new(reached);
        let over = Arc::new(AtomicBool::new(false));
        let terminal = std::io::stderr().is_terminal();
        let shown = (voice.quiet == 0 && (terminal || voice.verbose)).then(|| {
            let (reached, over, name) = (Arc::clone(&reached), Arc::clone(&over), name.to_owned());
            std::thread::spawn(move || show(&name, &reached, whole, template, &over, terminal))
        });
        Self { reached, over, shown }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(shown) = self.shown.take() {
            let _ = shown.join();
        }
    }
}

fn show(name: &str, reached: &[AtomicU64], whole: u64, template: &str, over: &AtomicBool, terminal: bool) {
    const STEP: Duration = Duration::from_millis(100);
    const QUIET_STEPS: u32 = 5;
    const STEPS_PER_LINE: u32 = 100;
    let bar = ProgressBar::with_draw_target(Some(whole), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("##-"));
    }
    bar.set_message(name.to_owned());
    let mut steps = 0;
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(STEP);
        steps += 1;
        let sum: u64 = reached.iter().map(|run| run.load(Ordering::Relaxed)).sum();
        if terminal && steps >= QUIET_STEPS {
            bar.set_position(sum);
        } else if !terminal && steps % STEPS_PER_LINE == 0 {
            super::complain(&format!("{name}: {}%", sum * 100 / whole.max(1)));
        }
    }
    bar.finish_and_clear();
}
