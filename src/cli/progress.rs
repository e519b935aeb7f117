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
        let reached: Arc<Vec<AtomicU64>> = Arc::new((0..runs).map(|_| AtomicU64::new(0)).collect());
        let over = Arc::new(AtomicBool::new(false));
        let terminal = std::io::stderr().is_terminal();
        let shown = (voice.quiet == 0 && (terminal || voice.verbose)).then(|| {
            let (reached, over, name) = (Arc::clone(&reached), Arc::clone(&over), name.to_owned());
            std::thread::spawn(move || show(&name, &reached, &over, terminal))
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

fn show(name: &str, reached: &[AtomicU64], over: &AtomicBool, terminal: bool) {
    const STEP: Duration = Duration::from_millis(100);
    const QUIET_STEPS: u32 = 5;
    const STEPS_PER_LINE: u32 = 100;
    let whole = 1_000 * reached.len() as u64;
    let bar = ProgressBar::with_draw_target(Some(whole), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("[{bar:24}] {percent:>3}%  eta {eta}  {msg}") {
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
