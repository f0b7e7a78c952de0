//! `docs/demo.svg` and `docs/demo-rename.svg`: what was counted and the p99 of two runs over time, on one axis.
//!
//! The picture stands on light and on dark pages, so it has no background, and its inks change with the
//! reader's colour scheme. The lines are told apart by stroke and by label, not by colour alone.

use std::fmt::Write;

use underpin_testkit::load::Bucket;

use super::rename::Act;
use super::report::Run;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 512.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 940.0;
/// Two buckets are one point: a tenth of a second alone is noisy.
const BUCKETS_A_POINT: usize = 2;

/// The waits' axis is logarithmic: both a millisecond and the clients' patience are in it.
const WAIT_MS: (f64, f64) = (1.0, 10_000.0);
const WAIT_MARKS: [(f64, &str); 5] =
    [(1.0, "1 ms"), (10.0, "10 ms"), (100.0, "100 ms"), (1_000.0, "1 s"), (10_000.0, "10 s")];

const STYLE: &str = "\
text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #59636e }
.title { font-size: 17px; font-weight: 600; fill: #1f2328 }
.grid { stroke: #8b949e; stroke-opacity: .3 }
.end { stroke-opacity: .7; stroke-dasharray: 2 3 } .begin { stroke: #8b949e }
.written { stroke: #d1481b } .online { stroke: #1670c9 }
path { fill: none; stroke-width: 2; stroke-linejoin: round }
path.written { stroke-dasharray: 7 2.5 }
text.written { fill: #c0400f; stroke: none; font-weight: 600 } text.online { fill: #0f62b4; stroke: none; font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #9da7b1 } .title { fill: #e6edf3 }
  .written { stroke: #ff8a5c } .online { stroke: #5cb0ff }
  text.written { fill: #ff9c75 } text.online { fill: #7cc0ff }
}";

/// A panel: where it lies, and what its axis runs to.
struct Panel {
    top: f64,
    bottom: f64,
}

const COUNTED: Panel = Panel { top: 112.0, bottom: 260.0 };
const WAITS: Panel = Panel { top: 306.0, bottom: 462.0 };

/// A picture of two runs.
struct Figure {
    title: String,
    /// For who does not see it.
    label: &'static str,
    /// What the upper panel counts in a second.
    counted: &'static str,
    value: fn(&Point) -> f64,
    /// The end of its axis. What exceeds it is shown there.
    most: f64,
    /// What happened when, by run: seconds since its begin, and on which side of the line its words stand.
    moments: [Vec<(f64, &'static str, Side)>; 2],
}

/// Where words stand beside a line.
#[derive(Clone, Copy)]
enum Side {
    Before,
    Behind,
}

/// Draws both ways to ship a migration. Time 0 is when each deploy began.
pub(super) fn shipped(runs: [&Run; 2], rate: u32) -> String {
    let figure = Figure {
        title: format!("One Prisma migration on a live shop, {rate} requests a second"),
        label: "Throughput and p99 while one migration is shipped in two ways",
        counted: "requests answered in a second",
        value: |point| point.throughput,
        // Twice the rate is room for the requests that were held up; how high their peak goes says little.
        most: f64::from(rate) * 2.0,
        moments: runs.map(|run| vec![(run.deploy_s, "done", Side::Before)]),
    };
    draw(&figure, runs)
}

/// Draws both ways to rename a column. Time 0 is when the database's part of each began.
pub(super) fn renamed(acts: [&Act; 2], rate: u32) -> String {
    let runs = acts.map(|act| &act.run);
    let most = runs.into_iter().flat_map(points).map(|point| point.failed).fold(0.0, f64::max);
    let replaced = |act: &Act| (act.replacing_s.1, "all replaced", Side::Before);
    let filled = |act: &Act| (act.replacing_s.0, "filled", Side::Before);
    let done = |act: &Act| (act.run.deploy_s, "done", Side::Behind);
    let figure = Figure {
        title: format!("A column is renamed while a new release replaces the old, {rate} requests a second"),
        label: "Failed requests and p99 while a column is renamed in two ways",
        counted: "requests that failed, in a second",
        value: |point| point.failed,
        most: ((most / 100.0).ceil() * 100.0).max(100.0),
        moments: [vec![replaced(acts[0])], vec![filled(acts[1]), replaced(acts[1]), done(acts[1])]],
    };
    draw(&figure, runs)
}

fn draw(figure: &Figure, runs: [&Run; 2]) -> String {
    let spans = runs.map(Span::of);
    let x = Axis { from: spans[0].from.min(spans[1].from), to: spans[0].to.max(spans[1].to) };
    let y_counted = |value: f64| COUNTED.scale(value.min(figure.most) / figure.most);
    let y_wait = |ms: f64| WAITS.scale((ms / WAIT_MS.0).max(1.0).log10() / (WAIT_MS.1 / WAIT_MS.0).log10());
    let classes = ["written", "online"];

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{}\">\n<style>{STYLE}</style>\n",
        figure.label
    );
    text(&mut svg, LEFT, 26.0, "title", &figure.title);

    for ((run, class), at) in runs.into_iter().zip(classes).zip([LEFT, LEFT + 456.0]) {
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{at} 49h34\"/>");
        text(&mut svg, at + 42.0, 53.0, class, &label(run));
    }

    text(&mut svg, LEFT, COUNTED.top - 30.0, "", figure.counted);
    for part in [0.0, 0.5, 1.0] {
        let value = figure.most * part;
        grid(&mut svg, y_counted(value), &format!("{value:.0}"));
    }
    text(&mut svg, LEFT, WAITS.top - 14.0, "", "p99 of the wait, in each fifth of a second (log scale)");
    for (ms, label) in WAIT_MARKS {
        grid(&mut svg, y_wait(ms), label);
    }
    for second in x.marks() {
        let at = x.scale(second);
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{second:.0} s</text>",
            WAITS.bottom + 20.0
        );
    }
    let caption = "seconds since the deploy began";
    let _ =
        writeln!(svg, "<text x=\"{RIGHT}\" y=\"{:.1}\" text-anchor=\"end\">{caption}</text>", HEIGHT - 10.0);

    moment(&mut svg, x.scale(0.0), "begin");
    for (index, (run, class)) in runs.into_iter().zip(classes).enumerate() {
        for (at_s, words, side) in &figure.moments[index] {
            let at = x.scale(*at_s);
            moment(&mut svg, at, class);
            // A row for each run, because their moments may be close together.
            let y = COUNTED.top - 6.0 - 13.0 * index as f64;
            let (anchor, at) = match side {
                Side::Before => ("end", at - 4.0),
                Side::Behind => ("start", at + 4.0),
            };
            let _ = writeln!(
                svg,
                "<text class=\"{class}\" x=\"{at:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
            );
        }
        let points = points(run);
        let line = |value: &dyn Fn(&Point) -> f64| {
            let corners =
                points.iter().map(|point| format!("{:.1} {:.1}", x.scale(point.at_s), value(point)));
            format!("<path class=\"{class}\" d=\"M{}\"/>", corners.collect::<Vec<_>>().join("L"))
        };
        let _ = writeln!(svg, "{}", line(&|point| y_counted((figure.value)(point))));
        let _ = writeln!(svg, "{}", line(&|point| y_wait(point.p99_ms)));
    }

    svg.push_str("</svg>\n");
    svg
}

/// Who, and the two numbers that matter.
fn label(run: &Run) -> String {
    let worst = run.summary.worst_wait_ms;
    let worst = if worst >= 1_000.0 { format!("{:.1} s", worst / 1_000.0) } else { format!("{worst:.0} ms") };
    format!("{}: {} failed, worst wait {worst}", run.way, run.summary.failed)
}

/// A fifth of a second, in seconds since the deploy began.
struct Point {
    at_s: f64,
    throughput: f64,
    failed: f64,
    p99_ms: f64,
}

fn points(run: &Run) -> Vec<Point> {
    let seconds = |buckets: &[Bucket]| buckets.len() as f64 / 10.0;
    let point = |buckets: &[Bucket]| Point {
        at_s: (buckets[0].at_ms - run.begin_ms) / 1000.0 + seconds(buckets) / 2.0,
        throughput: f64::from(buckets.iter().map(|bucket| bucket.answered).sum::<u32>()) / seconds(buckets),
        failed: f64::from(buckets.iter().map(|bucket| bucket.failed).sum::<u32>()) / seconds(buckets),
        p99_ms: buckets.iter().map(|bucket| bucket.p99_ms).fold(0.0, f64::max),
    };
    // A last point of half the width would look like a fall.
    run.buckets.chunks_exact(BUCKETS_A_POINT).map(point).collect()
}

/// What a run covers, in seconds since its deploy began.
struct Span {
    from: f64,
    to: f64,
}

impl Span {
    fn of(run: &Run) -> Self {
        let points = points(run);
        let at = |point: Option<&Point>| point.map_or(0.0, |point| point.at_s);
        Self { from: at(points.first()), to: at(points.last()) }
    }
}

/// The time axis, in seconds.
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    fn scale(&self, second: f64) -> f64 {
        LEFT + (second - self.from) / (self.to - self.from).max(0.1) * (RIGHT - LEFT)
    }

    /// About ten marks at round seconds, 0 among them.
    fn marks(&self) -> Vec<f64> {
        let wanted = (self.to - self.from) / 10.0;
        let step = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0].into_iter().find(|step| *step >= wanted).unwrap_or(60.0);
        let first = (self.from / step).ceil() as i32;
        (first..).map(|n| f64::from(n) * step).take_while(|second| *second <= self.to).collect()
    }
}

impl Panel {
    /// 0 is its bottom, 1 its top.
    fn scale(&self, part: f64) -> f64 {
        self.bottom - part.clamp(0.0, 1.0) * (self.bottom - self.top)
    }
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, words: &str) {
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>");
}

/// A vertical line through both panels.
fn moment(svg: &mut String, x: f64, class: &str) {
    for Panel { top, bottom } in [COUNTED, WAITS] {
        let _ = writeln!(
            svg,
            "<line class=\"end {class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>"
        );
    }
}

fn grid(svg: &mut String, y: f64, label: &str) {
    let _ = writeln!(svg, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
    let (x, y) = (LEFT - 8.0, y + 4.0);
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_axis_has_round_marks() {
        assert_eq!(Axis { from: -3.0, to: 7.2 }.marks(), [-2.0, 0.0, 2.0, 4.0, 6.0]);
        assert_eq!(Axis { from: -3.0, to: 30.0 }.marks(), [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0]);
    }

    #[test]
    fn a_panel_keeps_what_exceeds_it_inside() {
        assert_eq!(COUNTED.scale(2.0), COUNTED.top);
        assert_eq!(WAITS.scale(0.0), WAITS.bottom);
    }
}
