//! The duration and concurrency of a bench: numbers from the command line.

/// The arguments of every bench, with their defaults.
const COMMON: [(&str, f64); 3] = [("--rounds", 3.0), ("--seconds", 0.2), ("--tasks", 64.0)];

/// The numbers of one run.
pub(crate) struct Plan {
    values: Vec<(&'static str, f64)>,
}

impl Plan {
    /// Reads the arguments, or prints the valid ones and exits. `own` are this bench's, with their defaults.
    pub(crate) fn read(own: &[(&'static str, f64)]) -> Self {
        let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
        let mut values = [&COMMON, own].concat();
        let known: Vec<String> = values.iter().map(|(name, default)| format!("{name} {default}")).collect();
        for pair in words.chunks(2) {
            let value = pair.get(1).and_then(|text| text.parse().ok()).filter(|value| *value > 0.0);
            match (values.iter_mut().find(|(name, _)| *name == pair[0]), value) {
                (Some(known), Some(value)) => known.1 = value,
                _ => refuse(&pair.join(" "), &known),
            }
        }
        Self { values }
    }

    /// One of the numbers by its name.
    pub(crate) fn number(&self, name: &str) -> f64 {
        self.values.iter().find(|(known, _)| *known == name).map_or(0.0, |(_, value)| *value)
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.number(name) as usize
    }

    pub(crate) fn time(&self) -> std::time::Duration {
        std::time::Duration::from_secs_f64(self.number("--seconds"))
    }
}

fn refuse(pair: &str, known: &[String]) -> ! {
    eprintln!("`{pair}` is not a valid argument; each takes a number above 0 (here the default): {}", known.join(", "));
    std::process::exit(2)
}
