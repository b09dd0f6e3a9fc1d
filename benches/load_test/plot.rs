//! Percentile curves as SVG: the share of the requests by the time they took at most. Both axes are logarithmic.

use std::fmt::Write as _;

use super::tally::{Tally, Times};

const COLORS: [&str; 6] = ["#2a6f97", "#bc4749", "#6a994e", "#8e5aa8", "#d98324", "#888888"];
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 300.0;
/// Each step is a tenth of the requests that are left: 0 %, 90 %, 99 %, ...
const NINES: f64 = 4.0;

pub(crate) fn percentiles(tally: &Tally, headline: &str) -> String {
    let operations = tally.requests.iter().map(|(operation, requests)| (operation.name(), &requests.times));
    let lines: Vec<_> = operations.chain([("start", &tally.start)]).filter(|(_, times)| times.count() > 0).collect();
    let longest = lines.iter().map(|(_, times)| times.percentile_ms(100.0)).fold(1.0, f64::max);
    let scale = Scale { decades: longest.log10().ceil() + 2.0 };
    let mut drawn = axes(&scale);
    for ((name, times), (color, number)) in lines.iter().zip(COLORS.iter().zip(0..)) {
        let (x, y) = (LEFT + WIDTH + 16.0, TOP + 16.0 * f64::from(number));
        let _ = writeln!(drawn, r#"<polyline points="{}" fill="none" stroke="{color}"/>"#, points(times, &scale));
        let _ = writeln!(drawn, r#"<text x="{x}" y="{y}" fill="{color}">{name}</text>"#);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"400\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"720\" height=\"400\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\">{headline}</text>\n{drawn}</svg>\n"
    )
}

/// From 0.01 ms up, in powers of ten.
struct Scale {
    decades: f64,
}

impl Scale {
    fn y(&self, ms: f64) -> f64 {
        let up = (ms.max(0.01).log10() + 2.0) / self.decades;
        TOP + HEIGHT * (1.0 - up)
    }
}

fn x(nines: f64) -> f64 {
    LEFT + WIDTH * nines / NINES
}

fn points(times: &Times, scale: &Scale) -> String {
    let most = (times.count() as f64).log10().min(NINES);
    let mut points = String::new();
    for step in 0..=80 {
        let nines = NINES * f64::from(step) / 80.0;
        if nines <= most {
            let percentile = 100.0 * (1.0 - 10_f64.powf(-nines));
            let _ = write!(points, "{:.1},{:.1} ", x(nines), scale.y(times.percentile_ms(percentile)));
        }
    }
    points
}

fn axes(scale: &Scale) -> String {
    let mut axes = String::new();
    for (nines, name) in ["0 %", "90 %", "99 %", "99.9 %", "99.99 %"].iter().enumerate() {
        let (x, bottom) = (x(nines as f64), TOP + HEIGHT);
        let _ = writeln!(axes, r##"<line x1="{x}" y1="{TOP}" x2="{x}" y2="{bottom}" stroke="#ddd"/>"##);
        let _ = writeln!(axes, r#"<text x="{x}" y="{}" text-anchor="middle">{name}</text>"#, bottom + 18.0);
    }
    for decade in 0..=scale.decades as i32 {
        let ms = 10_f64.powi(decade - 2);
        let (y, right) = (scale.y(ms), LEFT + WIDTH);
        let _ = writeln!(axes, r##"<line x1="{LEFT}" y1="{y}" x2="{right}" y2="{y}" stroke="#ddd"/>"##);
        let _ = writeln!(axes, r#"<text x="{}" y="{}" text-anchor="end">{ms} ms</text>"#, LEFT - 6.0, y + 4.0);
    }
    axes
}
