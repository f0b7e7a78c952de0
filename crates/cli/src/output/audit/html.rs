//! The page as one HTML file that needs nothing else: no script, no font, no image from anywhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use underpin_core::audit::{Audit, Bar, Worst};
use underpin_core::lint::finding::Severity;

use super::{basis, how_long, introduction, lines, percent, plural, twin};

const STYLE: &str = include_str!("page.css");

/// The whole file.
pub(crate) fn page(audit: &Audit, title: &str) -> String {
    let body = html! {
        header {
            h1 { (title) }
            p.introduction { (introduction(audit)) }
            p.basis { (basis(audit)) "." }
        }
        section.numbers {
            @for line in lines(audit) {
                div.number {
                    span.count { (line.migrations) }
                    span.share { (percent(line.migrations, audit.migrations)) " %" }
                    span.what { (line.what) @if let Some(more) = &line.more { br; small { (more) } } }
                }
            }
            div.number.harmless {
                span.count { (audit.harmless) }
                span.share { (percent(audit.harmless, audit.migrations)) " %" }
                span.what { "would have hurt nobody" }
            }
        }
        @if audit.timeline.len() > 1 {
            section { h2 { "Over time" } (chart(&audit.timeline)) }
        }
        @if !audit.worst.is_empty() {
            section { h2 { "The worst" } ol { @for one in &audit.worst { (worst(one)) } } }
        }
        @if !audit.rules.is_empty() {
            section {
                h2 { "Findings" }
                table {
                    thead { tr { th { "rule" } th { "worst" } th.right { "findings" } th.right { "migrations" } } }
                    tbody {
                        @for rule in &audit.rules {
                            tr {
                                td { code { (rule.rule) } }
                                td { (severity(rule.severity)) }
                                td.right { (rule.findings) }
                                td.right { (rule.migrations) }
                            }
                        }
                    }
                }
            }
        }
        footer { "Made by " code { "underpin audit" } ". " code { "underpin explain RULE" } " tells more about a rule." }
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Migrations of " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
    .into_string()
}

fn worst(one: &Worst) -> Markup {
    let twin = twin(one);
    html! {
        li {
            p.place {
                (severity(one.severity)) " " code { (one.rule) } " "
                @let time = how_long(one);
                @if !time.is_empty() { strong { (time) } " " }
                span.path { (one.path) ":" (one.line) }
            }
            pre { code { (one.title) } }
            p { (words(&one.message)) "." }
            @if twin.is_empty() {
                @if let Some(fix) = &one.fix { p.instead { "Instead: " (words(&fix.advice)) "." } }
            } @else {
                p.instead { "Instead, as " code { "underpin deploy" } " does by itself:" }
                pre.instead { code { @for sql in twin { (sql) "\n" } } }
            }
        }
    }
}

/// A sentence; what stands between backticks is code.
fn words(text: &str) -> Markup {
    html! {
        @for (at, piece) in text.split('`').enumerate() {
            @if at % 2 == 0 { (piece) } @else { code { (piece) } }
        }
    }
}

fn severity(severity: Severity) -> Markup {
    html! { span class={ "severity " (severity.as_str()) } { (severity.as_str()) } }
}

/// Stacked bars, drawn in units of a viewBox so that they scale with the page.
fn chart(bars: &[Bar]) -> Markup {
    const HEIGHT: f64 = 180.0;
    const STEP: f64 = 20.0;
    let most = bars.iter().map(|bar| bar.migrations).max().unwrap_or(1).max(1) as f64;
    let width = STEP * bars.len() as f64;
    let high = |number: usize| number as f64 / most * HEIGHT;
    // A word below every bar of a short history, and below as many as there is room for of a long one.
    let every = bars.len().div_ceil(12);
    html! {
        figure {
            svg viewBox=(format!("-12 -14 {:.0} {:.0}", width + 24.0, HEIGHT + 38.0)) role="img"
                aria-label=(format!("migrations by period, {} bars", bars.len())) {
                @for (at, bar) in bars.iter().enumerate() {
                    @let x = STEP * at as f64 + 2.0;
                    @let blocking = high(bar.blocking);
                    @let breaking = high(bar.breaking);
                    @let rest = high(bar.migrations - bar.blocking - bar.breaking);
                    g {
                        title {
                            (bar.period) ": " (plural(bar.migrations, "migration")) ", " (bar.blocking)
                            " keep reads or writes waiting, " (bar.breaking) " break clients"
                        }
                        text x=(format!("{:.1}", x + 8.0)) y=(format!("{:.1}", HEIGHT - blocking - breaking - rest - 4.0)) {
                            (bar.migrations)
                        }
                        (rectangle("rest", x, HEIGHT - blocking - breaking - rest, rest))
                        (rectangle("breaking", x, HEIGHT - blocking - breaking, breaking))
                        (rectangle("blocking", x, HEIGHT - blocking, blocking))
                        @if at % every == 0 {
                            text x=(format!("{:.1}", x + 8.0)) y=(format!("{:.0}", HEIGHT + 14.0)) { (bar.period) }
                        }
                    }
                }
            }
            figcaption {
                span.key.blocking {} "keeps reads or writes waiting "
                span.key.breaking {} "breaks clients "
                span.key.rest {} "neither"
            }
        }
    }
}

fn rectangle(class: &str, x: f64, y: f64, height: f64) -> Markup {
    html! {
        @if height > 0.0 {
            rect class=(class) x=(format!("{x:.1}")) y=(format!("{y:.1}")) width="16" height=(format!("{height:.1}")) {}
        }
    }
}
