//! The doctor of a running program, with feature `doctor`.

use telemetry_core::diagnostics::doctor::Doctor;

use crate::handle::Telemetry;

impl Telemetry {
    /// The doctor, who knows this program's settings, also those made in code. What it sends and
    /// asks is [described there](crate::doctor); it blocks for seconds where a collector hangs.
    ///
    /// ```no_run
    /// let telemetry = telemetry::init()?;
    /// let diagnosis = telemetry.doctor().run();
    /// eprintln!("{diagnosis}");
    /// # Ok::<(), telemetry::InitError>(())
    /// ```
    pub fn doctor(&self) -> Doctor {
        let parts = self.parts();
        Doctor::new(&parts.plan, &parts.report)
    }
}
